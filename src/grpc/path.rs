//! `:path` of a call: which method of which service (PROTOCOL-HTTP2.md, Path).
//!
//! Whether such a method exists is for the schema to say.

/// The two names in `/package.Service/Method`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MethodPath<'a> {
    /// The service with its package: `package.Service`.
    pub service: &'a [u8],
    /// The method: what follows the last slash.
    pub method: &'a [u8],
}

impl<'a> MethodPath<'a> {
    /// Splits at the last slash, as servers do: what a gateway puts before the service stays with
    /// the service.
    ///
    /// `None` when the path does not begin with a slash, or either name is empty.
    pub fn split(path: &'a [u8]) -> Option<Self> {
        let names = path.strip_prefix(b"/")?;
        let slash = names.iter().rposition(|&octet| octet == b'/')?;
        let (service, rest) = names.split_at_checked(slash)?;
        let method = rest.strip_prefix(b"/")?;
        (!service.is_empty() && !method.is_empty()).then_some(Self { service, method })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_names_its_service_and_method() {
        let path = MethodPath::split(b"/proto.SearchService/Search").unwrap();
        assert_eq!(path.service, b"proto.SearchService");
        assert_eq!(path.method, b"Search");
    }

    #[test]
    fn a_prefix_of_a_gateway_stays_with_the_service() {
        let path = MethodPath::split(b"/api/v1/lab.Lab/Echo").unwrap();
        assert_eq!(path.service, b"api/v1/lab.Lab");
    }

    #[test]
    fn other_paths_name_no_method() {
        for path in ["", "/", "//", "/index.html", "a/b", "/a/", "//b", "*", "/a//"] {
            assert_eq!(MethodPath::split(path.as_bytes()), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn the_parts_make_the_path_again(path in "[/a.]{0,12}") {
            if let Some(MethodPath { service, method }) = MethodPath::split(path.as_bytes()) {
                prop_assert_eq!([b"/", service, b"/", method].concat(), path.as_bytes());
                prop_assert!(!method.contains(&b'/'));
            }
        }
    }
}
