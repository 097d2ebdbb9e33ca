//! SETTINGS parameters and the values in force (RFC 9113 §6.5).

use std::fmt;

/// A setting's identifier; any number survives.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct SettingId(pub u16);

impl SettingId {
    /// How large a dynamic table the sender keeps for decoding.
    pub const HEADER_TABLE_SIZE: Self = Self(0x1);
    /// Whether the server may promise responses; 0 forbids it.
    pub const ENABLE_PUSH: Self = Self(0x2);
    /// How many streams the peer may have open at once.
    pub const MAX_CONCURRENT_STREAMS: Self = Self(0x3);
    /// The window every stream begins with, for octets to the sender.
    pub const INITIAL_WINDOW_SIZE: Self = Self(0x4);
    /// The largest payload the sender takes.
    pub const MAX_FRAME_SIZE: Self = Self(0x5);
    /// The largest header list the sender takes: octets of names and values, and 32 a field. Advisory.
    pub const MAX_HEADER_LIST_SIZE: Self = Self(0x6);

    /// The registered name, if there is one.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x1 => "HEADER_TABLE_SIZE",
            0x2 => "ENABLE_PUSH",
            0x3 => "MAX_CONCURRENT_STREAMS",
            0x4 => "INITIAL_WINDOW_SIZE",
            0x5 => "MAX_FRAME_SIZE",
            0x6 => "MAX_HEADER_LIST_SIZE",
            0x8 => "ENABLE_CONNECT_PROTOCOL",
            0x9 => "NO_RFC7540_PRIORITIES",
            // C-core's own: -bin values may travel as raw octets, and the frame size it prefers.
            0xfe03 => "GRPC_ALLOW_TRUE_BINARY_METADATA",
            0xfe04 => "GRPC_PREFERRED_RECEIVE_MESSAGE_SIZE",
            _ => return None,
        })
    }
}

impl fmt::Display for SettingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "UNKNOWN(0x{:04x})", self.0),
        }
    }
}

/// One parameter of a SETTINGS frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Setting {
    /// Which.
    pub id: SettingId,
    /// Its value.
    pub value: u32,
}

/// The parameters of a SETTINGS payload, in wire order; octets after the last whole one are left out.
#[must_use]
pub fn settings(payload: &[u8]) -> Settings<'_> {
    Settings { rest: payload }
}

/// Iterator over the parameters of a SETTINGS payload.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    rest: &'a [u8],
}

impl Iterator for Settings<'_> {
    type Item = Setting;

    fn next(&mut self) -> Option<Setting> {
        let ([a, b, c, d, e, f], rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(Setting { id: SettingId(u16::from_be_bytes([*a, *b])), value: u32::from_be_bytes([*c, *d, *e, *f]) })
    }
}

/// What one side has asked for, as far as this analysis depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Values {
    /// SETTINGS_HEADER_TABLE_SIZE, if it was told.
    pub header_table_size: Option<u32>,
    /// SETTINGS_INITIAL_WINDOW_SIZE; `None` when the connection was met too late to know.
    pub initial_window_size: Option<u32>,
}

impl Values {
    /// What holds before any SETTINGS.
    pub const DEFAULT: Self = Self { header_table_size: None, initial_window_size: Some(65_535) };
    /// What is known of a connection met late: nothing.
    pub const UNKNOWN: Self = Self { header_table_size: None, initial_window_size: None };

    /// Whether one parameter has taken effect is not known any more.
    pub const fn forget(&mut self, id: SettingId) {
        match id {
            SettingId::HEADER_TABLE_SIZE => self.header_table_size = None,
            SettingId::INITIAL_WINDOW_SIZE => self.initial_window_size = None,
            _ => {}
        }
    }

    /// Applies one parameter.
    pub const fn apply(&mut self, setting: Setting) {
        match setting.id {
            SettingId::HEADER_TABLE_SIZE => self.header_table_size = Some(setting.value),
            SettingId::INITIAL_WINDOW_SIZE => self.initial_window_size = Some(setting.value),
            _ => {}
        }
    }
}
