//! Cipher suites by their IANA names (TLS Cipher Suites registry; RFC 8446 §B.4); how strong one is, is not decided here.

use std::fmt;

/// A cipher suite; numbers without a name here print as `0xNNNN`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CipherSuite(pub u16);

impl CipherSuite {
    /// The IANA name, for the suites of TLS 1.3 and the common ones before it.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0x0001 => "TLS_RSA_WITH_NULL_MD5",
            0x0002 => "TLS_RSA_WITH_NULL_SHA",
            0x0004 => "TLS_RSA_WITH_RC4_128_MD5",
            0x0005 => "TLS_RSA_WITH_RC4_128_SHA",
            0x000a => "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
            0x0016 => "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
            0x002f => "TLS_RSA_WITH_AES_128_CBC_SHA",
            0x0033 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA",
            0x0035 => "TLS_RSA_WITH_AES_256_CBC_SHA",
            0x0039 => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
            0x003b => "TLS_RSA_WITH_NULL_SHA256",
            0x003c => "TLS_RSA_WITH_AES_128_CBC_SHA256",
            0x003d => "TLS_RSA_WITH_AES_256_CBC_SHA256",
            0x0067 => "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
            0x006b => "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256",
            0x008c => "TLS_PSK_WITH_AES_128_CBC_SHA",
            0x008d => "TLS_PSK_WITH_AES_256_CBC_SHA",
            0x0090 => "TLS_DHE_PSK_WITH_AES_128_CBC_SHA",
            0x0091 => "TLS_DHE_PSK_WITH_AES_256_CBC_SHA",
            0x009c => "TLS_RSA_WITH_AES_128_GCM_SHA256",
            0x009d => "TLS_RSA_WITH_AES_256_GCM_SHA384",
            0x009e => "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
            0x009f => "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384",
            0x00a8 => "TLS_PSK_WITH_AES_128_GCM_SHA256",
            0x00a9 => "TLS_PSK_WITH_AES_256_GCM_SHA384",
            0x00aa => "TLS_DHE_PSK_WITH_AES_128_GCM_SHA256",
            0x00ab => "TLS_DHE_PSK_WITH_AES_256_GCM_SHA384",
            0x00ae => "TLS_PSK_WITH_AES_128_CBC_SHA256",
            0x00af => "TLS_PSK_WITH_AES_256_CBC_SHA384",
            0x00b2 => "TLS_DHE_PSK_WITH_AES_128_CBC_SHA256",
            0x00b3 => "TLS_DHE_PSK_WITH_AES_256_CBC_SHA384",
            0x1301 => "TLS_AES_128_GCM_SHA256",
            0x1302 => "TLS_AES_256_GCM_SHA384",
            0x1303 => "TLS_CHACHA20_POLY1305_SHA256",
            0x1304 => "TLS_AES_128_CCM_SHA256",
            0x1305 => "TLS_AES_128_CCM_8_SHA256",
            0xc006 => "TLS_ECDHE_ECDSA_WITH_NULL_SHA",
            0xc007 => "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
            0xc008 => "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
            0xc009 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
            0xc00a => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
            0xc010 => "TLS_ECDHE_RSA_WITH_NULL_SHA",
            0xc011 => "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
            0xc012 => "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
            0xc013 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
            0xc014 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
            0xc023 => "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
            0xc024 => "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
            0xc027 => "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
            0xc028 => "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
            0xc02b => "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            0xc02c => "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            0xc02f => "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            0xc030 => "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            0xc035 => "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA",
            0xc036 => "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA",
            0xc037 => "TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256",
            0xc038 => "TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384",
            0xc09c => "TLS_RSA_WITH_AES_128_CCM",
            0xc09d => "TLS_RSA_WITH_AES_256_CCM",
            0xc09e => "TLS_DHE_RSA_WITH_AES_128_CCM",
            0xc09f => "TLS_DHE_RSA_WITH_AES_256_CCM",
            0xc0a0 => "TLS_RSA_WITH_AES_128_CCM_8",
            0xc0a1 => "TLS_RSA_WITH_AES_256_CCM_8",
            0xc0a2 => "TLS_DHE_RSA_WITH_AES_128_CCM_8",
            0xc0a3 => "TLS_DHE_RSA_WITH_AES_256_CCM_8",
            0xc0a4 => "TLS_PSK_WITH_AES_128_CCM",
            0xc0a5 => "TLS_PSK_WITH_AES_256_CCM",
            0xc0a6 => "TLS_DHE_PSK_WITH_AES_128_CCM",
            0xc0a7 => "TLS_DHE_PSK_WITH_AES_256_CCM",
            0xc0a8 => "TLS_PSK_WITH_AES_128_CCM_8",
            0xc0a9 => "TLS_PSK_WITH_AES_256_CCM_8",
            0xc0aa => "TLS_PSK_DHE_WITH_AES_128_CCM_8",
            0xc0ab => "TLS_PSK_DHE_WITH_AES_256_CCM_8",
            0xc0ac => "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
            0xc0ad => "TLS_ECDHE_ECDSA_WITH_AES_256_CCM",
            0xc0ae => "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
            0xc0af => "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8",
            0xcca8 => "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            0xcca9 => "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            0xccaa => "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
            0xccab => "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256",
            0xccac => "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
            0xccad => "TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256",
            _ => return None,
        })
    }
}

impl fmt::Display for CipherSuite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "0x{:04x}", self.0),
        }
    }
}
