//! The questions that the REST API is asked.

use bytes::Bytes;
use callboard_sdk::{ReadError, ReadOptions, ReadResponse};
use reqwest::header::{ACCEPT, HeaderValue, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::download::{
    MAX_REDIRECTS, body, check_status, etag, redirect_target, too_many_redirects, unreadable,
};

const JSON: &str = "application/vnd.github+json";
const RAW: &str = "application/vnd.github.raw+json";
const VERSION: (&str, &str) = ("x-github-api-version", "2022-11-28");

/// The REST API of a GitHub. The `url` of its questions is what the caller was asked for, and is in messages.
pub(super) struct GitHubApi {
    client: Client,
    base: Url,
    token: Option<String>,
    max_bytes: usize,
}

/// All files of a commit.
pub(super) struct Tree {
    pub(super) sha: String,
    pub(super) files: Vec<String>,
}

#[derive(Deserialize)]
struct RepositoryAnswer {
    default_branch: String,
}

#[derive(Deserialize)]
struct TreeAnswer {
    sha: String,
    #[serde(default)]
    truncated: bool,
    tree: Vec<TreeItem>,
}

#[derive(Deserialize)]
struct TreeItem {
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

impl GitHubApi {
    pub(super) fn new(client: Client, base: Url, token: Option<String>, max_bytes: usize) -> Self {
        Self { client, base, token, max_bytes }
    }

    /// The branch that is meant if none is named.
    pub(super) async fn default_branch(&self, repository: &str, url: &str) -> Result<String, ReadError> {
        let question = self.question(repository, &[]);
        self.json::<RepositoryAnswer>(question, url).await.map(|answer| answer.default_branch)
    }

    /// The files of a branch, a tag or a commit.
    pub(super) async fn tree(&self, repository: &str, reference: &str, url: &str) -> Result<Tree, ReadError> {
        let mut question = self.question(repository, &["git", "trees", reference]);
        question.query_pairs_mut().append_pair("recursive", "1");
        let answer: TreeAnswer = self.json(question, url).await?;
        if answer.truncated {
            return Err(ReadError::Failed(format!(
                "could not read {url}, the repository has too many files"
            )));
        }
        let files = answer.tree.into_iter().filter(|item| item.kind == "blob").map(|item| item.path);
        Ok(Tree { sha: answer.sha, files: files.collect() })
    }

    /// The content of a file.
    pub(super) async fn content(
        &self,
        repository: &str,
        path: &str,
        reference: Option<&str>,
        options: &ReadOptions,
        url: &str,
    ) -> Result<ReadResponse, ReadError> {
        let mut question = self.question(repository, &["contents"]);
        if let Ok(mut segments) = question.path_segments_mut() {
            segments.extend(path.split('/'));
        }
        if let Some(reference) = reference {
            question.query_pairs_mut().append_pair("ref", reference);
        }
        let response = self.ask(question, RAW, options.etag.as_deref(), url).await?;
        let etag = etag(&response);
        Ok(ReadResponse { data: body(response, url, self.max_bytes).await?, etag })
    }

    /// `/repos/OWNER/NAME/…`; what is in the segments cannot become more of them.
    fn question(&self, repository: &str, segments: &[&str]) -> Url {
        let mut question = self.base.clone();
        if let Ok(mut path) = question.path_segments_mut() {
            path.pop_if_empty().push("repos").extend(repository.split('/')).extend(segments);
        }
        question
    }

    async fn json<T: DeserializeOwned>(&self, question: Url, url: &str) -> Result<T, ReadError> {
        let response = self.ask(question, JSON, None, url).await?;
        let body: Bytes = body(response, url, self.max_bytes).await?;
        serde_json::from_slice(&body).map_err(|error| {
            ReadError::Failed(format!("could not read {url}, the API's answer is wrong: {error}"))
        })
    }

    /// Asks, and asks again where a repository has moved to. The token stays with the API.
    async fn ask(
        &self,
        question: Url,
        accept: &'static str,
        etag: Option<&str>,
        url: &str,
    ) -> Result<Response, ReadError> {
        let mut current = question;
        for _ in 0..=MAX_REDIRECTS {
            let response =
                self.send(&current, accept, etag).await.map_err(|error| unreadable(url, &error))?;
            let Some(next) = redirect_target(&response, &current) else {
                check_limit(&response, url)?;
                check_status(&response, url)?;
                return Ok(response);
            };
            if next.origin() != self.base.origin() {
                return Err(ReadError::Failed(format!(
                    "could not read {url}, the API sends to another host"
                )));
            }
            current = next;
        }
        Err(too_many_redirects(url))
    }

    async fn send(&self, url: &Url, accept: &str, etag: Option<&str>) -> Result<Response, reqwest::Error> {
        let mut request = self.client.get(url.clone()).header(ACCEPT, accept).header(VERSION.0, VERSION.1);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(condition) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            request = request.header(IF_NONE_MATCH, condition);
        }
        callboard_traces::send(request).await
    }
}

/// Says so if it is only for having asked too often that nothing is answered.
fn check_limit(response: &Response, url: &str) -> Result<(), ReadError> {
    let is_refused = matches!(response.status(), StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS);
    let left = response.headers().get("x-ratelimit-remaining");
    let is_over = left.is_some_and(|left| left == "0") || response.headers().contains_key("retry-after");
    if is_refused && is_over {
        return Err(ReadError::Failed(format!(
            "could not read {url}, the rate limit of the API is reached; a token in the integration raises it"
        )));
    }
    Ok(())
}
