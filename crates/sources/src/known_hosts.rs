use url::Url;

/// Whose URLs a host has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostKind {
    /// `/OWNER/REPO/blob/REF/PATH`.
    GitHub,
    /// `/GROUP/SUBGROUP/REPO/-/blob/REF/PATH`.
    GitLab,
    /// `/ORG/PROJECT/_git/REPO?path=PATH&version=GBREF`.
    Azure,
    /// `/OWNER/REPO/src/REF/PATH`.
    BitbucketCloud,
    /// `/projects/PROJECT/repos/REPO/browse/PATH?at=REF`.
    BitbucketServer,
}

/// The hosts whose kind is known. The public ones are by default; others come from the configuration.
#[derive(Debug, Clone)]
pub struct KnownHosts {
    hosts: Vec<(String, HostKind)>,
}

impl Default for KnownHosts {
    fn default() -> Self {
        Self::none()
            .with("github.com", HostKind::GitHub)
            .with("gitlab.com", HostKind::GitLab)
            .with("dev.azure.com", HostKind::Azure)
            .with("bitbucket.org", HostKind::BitbucketCloud)
    }
}

impl KnownHosts {
    /// Not one.
    pub fn none() -> Self {
        Self { hosts: Vec::new() }
    }

    /// The same, and `host` besides: a name, with the port if its URLs have one.
    #[must_use]
    pub fn with(mut self, host: &str, kind: HostKind) -> Self {
        self.hosts.push((host.to_ascii_lowercase(), kind));
        self
    }

    /// Of which kind the host of a URL is.
    pub fn kind_of(&self, url: &Url) -> Option<HostKind> {
        let host = host_and_port(url)?;
        self.hosts.iter().find(|(known, _)| *known == host).map(|&(_, kind)| kind)
    }
}

/// The host as it stands in the URL: with the port, if that is not the default one.
pub(crate) fn host_and_port(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}
