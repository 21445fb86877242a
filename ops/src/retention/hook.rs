//! The hook: what deletes the files of recordings, which are stored elsewhere.

use entity::id::{CallAttemptId, OrganizationId};
use environment::chain;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url, redirect};
use serde::Serialize;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::Error;

/// The recordings that are passed to the hook at once: their rows are locked meanwhile.
pub(crate) const RECORDINGS: u8 = 100;

/// A command or an HTTP endpoint that deletes recordings.
#[derive(Debug)]
pub struct Hook {
    kind: Kind,
    timeout: Duration,
}

#[derive(Debug)]
enum Kind {
    Command(String),
    Url { url: Url, client: Client, authorization: Option<HeaderValue> },
}

/// The body of a request.
#[derive(Debug, Serialize)]
struct Body<'a> {
    recordings: &'a [Recording],
}

/// A recording of a call.
#[derive(Debug, Serialize)]
pub(crate) struct Recording {
    pub(crate) organization_id: OrganizationId,
    pub(crate) call_attempt_id: CallAttemptId,
    pub(crate) call_id: String,
    pub(crate) provider_call_id: Option<String>,
    #[serde(rename = "recording_url")]
    pub(crate) url: String,
}

impl Hook {
    /// A command of the shell, which reads one name in each line of its standard input.
    #[must_use]
    pub fn command(command: String, timeout: Duration) -> Self {
        Self { kind: Kind::Command(command), timeout }
    }

    /// An HTTP endpoint, which receives the names as JSON, with the token as a bearer token.
    ///
    /// # Errors
    /// The URL or the token is malformed.
    pub fn url(url: &str, token: Option<&str>, timeout: Duration) -> Result<Self, Error> {
        let wrong = |variable, reason: &str| Error::Url { variable, reason: reason.to_owned() };
        let url = Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme()));
        let url = url.ok_or_else(|| wrong("--hook-url", "is not https://… or http://…"))?;
        let authorization = token.filter(|token| !token.is_empty()).map(|token| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| wrong("RETENTION_HOOK_TOKEN", "has characters that a header cannot contain"))?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        // A redirect would turn the request into one without a body, which succeeds.
        let client = Client::builder().timeout(timeout).redirect(redirect::Policy::none()).build();
        let client = client.map_err(|error| Error::Hook { reason: chain(&error.without_url()) })?;
        let authorization = authorization.transpose()?;
        Ok(Self { kind: Kind::Url { url, client, authorization }, timeout })
    }

    /// The limit of one call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Passes the recordings to the hook, and returns those that it has deleted.
    ///
    /// # Errors
    /// The hook failed, and has deleted an unknown part of them.
    pub(crate) async fn delete(&self, recordings: &[Recording]) -> Result<Vec<CallAttemptId>, Error> {
        let reason = match &self.kind {
            Kind::Command(command) => {
                // A line break in a name would be another name.
                let (names, passed): (Vec<&str>, Vec<_>) = recordings
                    .iter()
                    .filter(|recording| !recording.url.contains(char::is_control))
                    .map(|recording| (recording.url.as_str(), recording.call_attempt_id))
                    .unzip();
                if names.is_empty() {
                    return Ok(passed);
                }
                let run = run(command, names.join("\n") + "\n");
                match tokio::time::timeout(self.timeout, run).await {
                    Ok(Ok(())) => return Ok(passed),
                    Ok(Err(reason)) => reason,
                    Err(_) => format!("it did not end within {}", humantime::format_duration(self.timeout)),
                }
            }
            Kind::Url { url, client, authorization } => {
                let body = serde_json::to_vec(&Body { recordings })
                    .map_err(|error| Error::Hook { reason: format!("its request has no form: {error}") })?;
                let mut request =
                    client.post(url.clone()).header(CONTENT_TYPE, "application/json").body(body);
                if let Some(authorization) = authorization {
                    request = request.header(AUTHORIZATION, authorization);
                }
                match request.send().await {
                    Ok(response) if response.status().is_success() => {
                        return Ok(recordings.iter().map(|recording| recording.call_attempt_id).collect());
                    }
                    Ok(response) => format!("it responded with {}", response.status()),
                    Err(error) => chain(&error.without_url()),
                }
            }
        };
        Err(Error::Hook { reason })
    }
}

/// Runs the command until it exits; killed if the future is dropped.
async fn run(command: &str, input: String) -> Result<(), String> {
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        // Names of recordings are personal data, and do not belong into a log.
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("sh cannot be run: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that ends before it has read everything is judged by its exit status.
        let _ = stdin.write_all(input.as_bytes()).await;
    }
    let status = child.wait().await.map_err(|error| format!("it cannot be waited for: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("it ended with {status}")) }
}
