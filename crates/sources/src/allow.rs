use std::ops::RangeInclusive;

use percent_encoding::percent_decode_str;
use thiserror::Error;
use url::Url;

/// What may be read with plain HTTP: `backend.reading.allow` of the configuration. Empty means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadingRules {
    /// One match is enough.
    pub allow: Vec<AllowedHost>,
}

impl ReadingRules {
    /// Whether a rule allows this URL. Only `http` and `https` are ever read.
    pub fn allows(&self, url: &Url) -> bool {
        matches!(url.scheme(), "http" | "https") && self.allow.iter().any(|host| host.matches(url))
    }
}

/// One entry of the allow-list: a host, its ports, and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    host: HostPattern,
    /// `None`: only URLs that name no port.
    ports: Option<RangeInclusive<u16>>,
    /// `None`: all of them.
    paths: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Exact(String),
    /// With the leading dot: the domain itself does not match, what is below it does.
    Suffix(String),
}

/// Why an entry of the allow-list is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidAllowedHost {
    /// It is not a host name, an IP address, or one of them with a port.
    #[error("'{0}' is not a host: expected a name such as example.com, *.example.com or example.com:8080")]
    Host(String),
    /// Wildcards stand at the beginning only.
    #[error("'{0}' has a wildcard that is not at the beginning: only *.example.com is understood")]
    Wildcard(String),
    /// The port is neither a number nor a range of them.
    #[error("'{0}' has no valid port: expected a number from 1 to 65535, or two of them as in 8000-8100")]
    Port(String),
    /// Paths start with a slash.
    #[error("the path '{0}' does not begin with a slash")]
    Path(String),
}

impl AllowedHost {
    /// An entry as the configuration has it: `host`, `*.host`, `host:port` or `host:from-to`, and the paths, if
    /// it has any. Each path allows itself and what is below it.
    ///
    /// # Errors
    ///
    /// [`InvalidAllowedHost`]: better at start than a rule that silently never matches.
    pub fn parse(host: &str, paths: Option<&[String]>) -> Result<Self, InvalidAllowedHost> {
        let (name, ports) = split_port(host)?;
        let paths = paths.map(<[String]>::to_vec);
        if let Some(path) = paths.iter().flatten().find(|path| !path.starts_with('/')) {
            return Err(InvalidAllowedHost::Path(path.clone()));
        }
        Ok(Self { host: HostPattern::parse(name, host)?, ports, paths })
    }

    fn matches(&self, url: &Url) -> bool {
        self.matches_host(url) && self.matches_port(url) && self.matches_path(url)
    }

    fn matches_host(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        match &self.host {
            HostPattern::Exact(name) => host == name,
            HostPattern::Suffix(suffix) => host.ends_with(suffix.as_str()),
        }
    }

    fn matches_port(&self, url: &Url) -> bool {
        match &self.ports {
            // `Url` drops a port that is the default of the scheme.
            None => url.port().is_none(),
            Some(range) => url.port_or_known_default().is_some_and(|port| range.contains(&port)),
        }
    }

    fn matches_path(&self, url: &Url) -> bool {
        let Some(paths) = &self.paths else { return true };
        !climbs(url.path()) && paths.iter().any(|allowed| is_at_or_below(url.path(), allowed))
    }
}

impl HostPattern {
    fn parse(name: &str, whole: &str) -> Result<Self, InvalidAllowedHost> {
        let (wildcard, plain) = match name.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, name),
        };
        if plain.contains('*') {
            return Err(InvalidAllowedHost::Wildcard(whole.to_owned()));
        }
        // Written as URLs have it: lower case, international names in their ASCII form.
        let parsed = Url::parse(&format!("http://{plain}/")).ok();
        let canonical = parsed.as_ref().filter(|url| is_only_a_host(url)).and_then(Url::host_str);
        match canonical {
            Some(host) if wildcard => Ok(Self::Suffix(format!(".{host}"))),
            Some(host) => Ok(Self::Exact(host.to_owned())),
            None => Err(InvalidAllowedHost::Host(whole.to_owned())),
        }
    }
}

fn is_only_a_host(url: &Url) -> bool {
    url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !has_credentials(url)
}

/// Whether a user name or password is part of the URL.
pub(crate) fn has_credentials(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

type HostAndPorts<'a> = (&'a str, Option<RangeInclusive<u16>>);

fn split_port(text: &str) -> Result<HostAndPorts<'_>, InvalidAllowedHost> {
    // The colons of an IPv6 address are inside its brackets.
    let after_address = text.rfind(']').map_or(0, |bracket| bracket + 1);
    let Some(colon) = text[after_address..].find(':') else { return Ok((text, None)) };
    let (name, port) = text.split_at(after_address + colon);
    match parse_ports(&port[1..]) {
        Some(range) => Ok((name, Some(range))),
        None => Err(InvalidAllowedHost::Port(text.to_owned())),
    }
}

fn parse_ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.parse::<u16>().ok()?, to.parse::<u16>().ok()?);
    (from > 0 && from <= to).then_some(from..=to)
}

fn is_at_or_below(path: &str, allowed: &str) -> bool {
    match path.strip_prefix(allowed) {
        Some(rest) => rest.is_empty() || allowed.ends_with('/') || rest.starts_with('/'),
        None => false,
    }
}

/// Whether a path leads upwards once it is decoded, however often it was encoded: `..%2f` means nothing to us but
/// may to the host. (`..` and `%2e%2e` as whole segments are resolved when a URL is parsed.)
pub(crate) fn climbs(path: &str) -> bool {
    let mut decoded = path.to_owned();
    loop {
        if decoded.split(['/', '\\']).any(|segment| matches!(segment, "." | "..")) {
            return true;
        }
        let again = percent_decode_str(&decoded).decode_utf8_lossy().into_owned();
        if again == decoded {
            return false;
        }
        decoded = again;
    }
}
