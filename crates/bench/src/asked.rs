//! A server that is asked the battery.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::battery::{OwnNames, Question, by_name, first_page, questions};
use crate::contender::Contender;
use crate::load::{Measurement, Pace, ask_once, measure};
use crate::samples::Samples;
use crate::tally::Tally;

/// On how many connections a server is warmed up.
const WARM_UP_CONNECTIONS: usize = 4;

/// A server with all of its entities, and what it is asked.
pub(crate) struct Asked {
    pub(crate) contender: Contender,
    address: SocketAddr,
    /// The same questions in the same order for every server.
    pub(crate) questions: Vec<Question>,
    /// The ids of the locations that were registered.
    locations: Vec<String>,
    pace: Pace,
}

impl Asked {
    /// Registers some locations, and finds out what the server calls its entities.
    pub(crate) async fn new(
        contender: Contender,
        samples: &Samples,
        only: Option<&str>,
        pace: Pace,
    ) -> Result<Self> {
        let address = contender.address()?;
        let mut locations = Vec::new();
        for origin in &samples.origins {
            locations.push(contender.register_as("url", origin).await?);
        }
        let json = async |question: &Question| -> Result<Value> {
            Ok(serde_json::from_slice(&ask_once(address, question, pace.timeout).await?)?)
        };
        let one = json(&by_name(samples)).await?;
        let first = json(&first_page()).await?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let names = OwnNames {
            uid: text(&one["metadata"]["uid"]).context("the sample has no uid")?,
            location: locations.first().cloned().unwrap_or_default(),
            cursor: text(&first["pageInfo"]["nextCursor"]).context("there is no second page")?,
        };
        let mut questions = questions(samples, &names);
        questions.retain(|question| only.is_none_or(|only| question.name.contains(only)));
        Ok(Self { contender, address, questions, locations, pace })
    }

    /// Asks every question for a while: a program that compiles itself while it runs is two or three times slower
    /// before.
    pub(crate) async fn warm_up(&self) -> Result<()> {
        let pace = Pace { usual: self.pace.usual / 5, longest: self.pace.longest / 5, ..self.pace };
        for question in &self.questions {
            measure(self.address, question, WARM_UP_CONNECTIONS, pace).await?;
        }
        Ok(())
    }

    /// How much is in the answer to a question.
    pub(crate) async fn tally(&self, question: &Question) -> Result<Tally> {
        let body = ask_once(self.address, question, self.pace.timeout).await?;
        Tally::of(&body).context("the answer is no JSON")
    }

    /// Asks a question; also, how many milliseconds of processor time a request took, if that can be told.
    pub(crate) async fn measure(
        &self,
        question: &Question,
        connections: usize,
    ) -> Result<(Measurement, Option<f64>)> {
        let before = self.contender.usage().await.ok();
        let measured = measure(self.address, question, connections, self.pace).await?;
        let after = self.contender.usage().await.ok();
        let used = after.zip(before).map(|(after, before)| after.cpu.saturating_sub(before.cpu));
        #[expect(clippy::cast_precision_loss, reason = "figures for people to read")]
        let each = used
            .filter(|_| measured.requests > 0)
            .map(|used| used.as_secs_f64() * 1000.0 / measured.requests as f64);
        Ok((measured, each))
    }

    /// Takes the locations off again.
    pub(crate) async fn forget_locations(&self) -> Result<()> {
        for id in &self.locations {
            self.contender.unregister(id).await?;
        }
        Ok(())
    }
}
