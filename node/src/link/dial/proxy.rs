//! Proxies for outgoing links: which one, by configuration or by the environment as other programs read it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// Stands in a configuration for links that never use a proxy.
const NONE: &str = "none";

/// No proxy of the environment leads to the machine itself; others read it so as well.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// One proxy. Neither `Display` nor `Debug` tells the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(super) kind: Kind,
    /// host:port.
    pub(super) address: String,
    pub(super) login: Option<(String, String)>,
    /// The value of `Proxy-Authorization`.
    pub(super) basic: Option<http::HeaderValue>,
}

/// How a proxy is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// RFC 1928, with names resolved at the proxy, so that onion names work.
    Socks5,
    /// HTTP CONNECT, RFC 9110 section 9.3.6.
    Connect,
}

/// A text names no proxy that can be used. The text itself is not repeated: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// Not a URL with a host.
    #[error(
        "a proxy is named as http://HOST:PORT or socks5://HOST:PORT, with USER:PASSWORD@ before the host where it asks for them"
    )]
    NotOne,
    /// Another kind of proxy.
    #[error("a proxy of the kind \"{0}\" is not spoken to; http:// and socks5:// are")]
    Scheme(String),
    /// A variable of the environment names no proxy that can be used.
    #[error("{variable}: {source}")]
    Variable {
        /// Its name.
        variable: &'static str,
        /// What is wrong.
        source: Box<ProxyError>,
    },
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let scheme = text.split_once("://").map_or("http", |(scheme, _)| scheme).to_ascii_lowercase();
        let (kind, port) = match scheme.as_str() {
            "http" => (Kind::Connect, 80),
            "socks5" | "socks5h" => (Kind::Socks5, 1080),
            _ => {
                return Err(ProxyError::Scheme(scheme.chars().filter(char::is_ascii_alphanumeric).collect()));
            }
        };
        let anywhere = Uri::from_static("https://hub.invalid");
        let read = Matcher::builder().all(text.trim().to_owned()).build().intercept(&anywhere);
        let read = read.ok_or(ProxyError::NotOne)?;
        let host = read.uri().host().filter(|h| !h.is_empty()).ok_or(ProxyError::NotOne)?;
        let address = format!("{host}:{}", read.uri().port_u16().unwrap_or(port));
        let login = read.raw_auth().map(|(user, password)| (user.to_owned(), password.to_owned()));
        Ok(Self { kind, address, login, basic: read.basic_auth().cloned() })
    }
}

impl Proxy {
    /// True where the proxy is told who asks.
    pub(super) fn has_login(&self) -> bool {
        self.login.is_some() || self.basic.is_some()
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.kind == Kind::Socks5 { "socks5" } else { "http" };
        write!(f, "{scheme}://{}", self.address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Which proxy an address is reached by.
#[derive(Clone, Debug, Default)]
pub enum Proxies {
    /// None, whatever the environment says.
    #[default]
    Direct,
    /// One for every address.
    Always(Proxy),
    /// One for every address that `NO_PROXY` does not name and that is not this machine.
    Environment(Proxy, Arc<Matcher>),
}

impl Proxies {
    /// Reads a setting: a proxy, `none`, or nothing, which is what `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    pub fn resolve(setting: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        match setting.trim() {
            "" => Self::environment(variable),
            NONE => Ok(Self::Direct),
            text => Ok(Self::Always(text.parse()?)),
        }
    }

    fn environment(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ProxyError> {
        let named = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let found = named.iter().find_map(|name| Some((*name, variable(name).filter(|v| !v.is_empty())?)));
        let Some((name, text)) = found else { return Ok(Self::Direct) };
        let proxy = text
            .parse()
            .map_err(|source| ProxyError::Variable { variable: name, source: Box::new(source) })?;
        let except = ["NO_PROXY", "no_proxy"].iter().find_map(|name| variable(name)).unwrap_or_default();
        let except = format!("{except},{THIS_MACHINE}");
        Ok(Self::Environment(proxy, Arc::new(Matcher::builder().all(text).no(except).build())))
    }

    /// The proxy for an address, host:port.
    pub fn of(&self, address: &str) -> Option<&Proxy> {
        match self {
            Self::Direct => None,
            Self::Always(proxy) => Some(proxy),
            Self::Environment(proxy, matcher) => {
                let uri: Uri = format!("https://{address}").parse().ok()?;
                matcher.intercept(&uri).map(|_| proxy)
            }
        }
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct => f.write_str("none"),
            Self::Always(proxy) => proxy.fmt(f),
            Self::Environment(proxy, _) => write!(f, "{proxy}, from the environment"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_read_and_never_tells_its_password() {
        let proxy: Proxy = "http://fj:c%40ral@proxy.example:443".parse().expect("a proxy");
        assert_eq!((proxy.kind, proxy.address.as_str()), (Kind::Connect, "proxy.example:443"));
        assert_eq!(proxy.basic.as_ref().map(|b| b.to_str().unwrap_or("")), Some("Basic Zmo6Y0ByYWw="));
        let socks: Proxy = "socks5h://fj:coral@[2001:db8::1]".parse().expect("a proxy");
        assert_eq!(socks.address, "[2001:db8::1]:1080");
        assert_eq!(socks.login, Some(("fj".to_owned(), "coral".to_owned())));
        for shown in [format!("{proxy} {proxy:?}"), format!("{socks} {socks:?}")] {
            assert!(!shown.contains("ral") && !shown.contains("fj"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_being_repeated() {
        for text in
            ["socks4://x:1", "https://x:1", "ftp://u:secret@x", "http://", "http://u:secret@", "socks5:// "]
        {
            let error = text.parse::<Proxy>().expect_err(text);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_environment_counts_where_nothing_is_set_and_no_proxy_excepts() {
        let variable = |name: &str| match name {
            "ALL_PROXY" => Some("socks5://one:1".to_owned()),
            "https_proxy" => Some("http://two:2".to_owned()),
            "NO_PROXY" => Some("example.org, 10.0.0.0/8".to_owned()),
            _ => None,
        };
        let found = Proxies::resolve("", variable).expect("a proxy");
        assert_eq!(found.of("hub.example:7430").map(Proxy::to_string).as_deref(), Some("http://two:2"));
        assert_eq!(found.of("[2001:db8::1]:7430").map(Proxy::to_string).as_deref(), Some("http://two:2"));
        assert!(found.of("a.example.org:7430").is_none() && found.of("10.1.2.3:7430").is_none());
        assert!(found.of("127.0.0.1:1").is_none() && found.of("[::1]:1").is_none());
        assert!(Proxies::resolve("none", variable).expect("direct").of("hub.example:1").is_none());
        let own = Proxies::resolve("socks5://three:3", variable).expect("a proxy");
        assert_eq!(own.of("10.1.2.3:1").map(Proxy::to_string).as_deref(), Some("socks5://three:3"));
        let odd = Proxies::resolve("", |n| (n == "ALL_PROXY").then(|| "gopher://x:1".to_owned()));
        assert!(odd.expect_err("no proxy").to_string().starts_with("ALL_PROXY: "));
    }
}
