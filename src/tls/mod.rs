//! TLS placeholder while the room is being built.
/// Look
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look { /// no
 No, /// perhaps
 Perhaps, /// yes
 Yes }
/// look
pub fn looks_like_tls(o: &[u8]) -> Look { if o.starts_with(&[0x16, 3]) { Look::Yes } else { Look::No } }
/// facts
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Facts {}
/// tls
#[derive(Debug, Default)]
pub struct Tls(Facts);
impl Tls {
 /// new
 pub fn new() -> Self { Self::default() }
 /// push
 pub fn push(&mut self, _: bool, _: &[u8]) {}
 /// gap
 pub fn gap(&mut self, _: bool) {}
 /// facts
 pub fn facts(&self) -> &Facts { &self.0 }
 /// held
 pub fn held_bytes(&self) -> usize { 0 }
}
