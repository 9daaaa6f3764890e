use async_trait::async_trait;
use callboard_sdk::{HostReader, ReadError, ReadOptions, ReadResponse, ScmFile, SearchResponse, UrlReader};
use url::Url;

use crate::allow::has_credentials;
use crate::known_hosts::KnownHosts;
use crate::resolve::resolve;
use crate::scm_file::scm_file;

/// All readers behind one face: each URL goes to the first that is responsible for it, or is not allowed.
pub struct UrlReaders {
    readers: Vec<Box<dyn HostReader>>,
    hosts: KnownHosts,
}

impl UrlReaders {
    /// Readers in the order in which they are asked; plain HTTP comes last. `hosts` says by whose rules relative
    /// targets are resolved, also on hosts that no reader is for.
    pub fn new(readers: Vec<Box<dyn HostReader>>, hosts: KnownHosts) -> Self {
        Self { readers, hosts }
    }

    fn responsible_for(&self, url: &str) -> Result<&dyn HostReader, ReadError> {
        let parsed = parse_url(url)?;
        let reader = self.readers.iter().find(|reader| reader.matches(&parsed));
        match reader {
            Some(reader) => Ok(reader.as_ref()),
            None if has_credentials(&parsed) => Err(not_allowed(&without_credentials(parsed))),
            None => Err(not_allowed(url)),
        }
    }
}

#[async_trait]
impl UrlReader for UrlReaders {
    async fn read(&self, url: &str, options: &ReadOptions) -> Result<ReadResponse, ReadError> {
        self.responsible_for(url)?.read(url, options).await
    }

    async fn search(&self, url: &str, options: &ReadOptions) -> Result<SearchResponse, ReadError> {
        self.responsible_for(url)?.search(url, options).await
    }

    async fn find_files(&self, url: &str, file_name: &str) -> Result<Option<SearchResponse>, ReadError> {
        self.responsible_for(url)?.find_files(url, file_name).await
    }

    /// A host that is known goes before a reader: its rules hold whoever reads from it.
    fn resolve(&self, target: &str, base: &str) -> Result<String, ReadError> {
        let known = Url::parse(base).is_ok_and(|base| self.hosts.kind_of(&base).is_some());
        match self.responsible_for(base) {
            Ok(reader) if !known => reader.resolve(target, base),
            _ => resolve(target, base, &self.hosts).map_err(|error| ReadError::Failed(error.to_string())),
        }
    }

    fn scm_file(&self, url: &str) -> Option<ScmFile> {
        scm_file(url, &self.hosts)
    }
}

pub(crate) fn parse_url(url: &str) -> Result<Url, ReadError> {
    Url::parse(url).map_err(|error| ReadError::Failed(format!("'{url}' is not a URL: {error}")))
}

pub(crate) fn not_allowed(url: &str) -> ReadError {
    ReadError::NotAllowed(format!(
        "Reading from '{url}' is not allowed. You may need to configure an integration for the target host, or \
         add it to the configured list of allowed hosts at 'backend.reading.allow'"
    ))
}

fn without_credentials(mut url: Url) -> String {
    // Fails only for URLs that can have no credentials in the first place.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}
