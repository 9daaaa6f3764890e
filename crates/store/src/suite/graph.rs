//! Graphs of claims in one line of text.

use std::collections::BTreeSet;

use crate::NewClaim;

use super::scene::{Output, Scene, claim, name};

/// Who claims what: `K>R1>R2, L>R2` has provider `K` claim `R1`, `R1` emit `R2`, and provider `L` claim `R2` too.
/// Names with a digit are entities, names without one are providers. No claim has a key.
#[derive(Debug, Clone)]
pub(super) struct Graph {
    edges: Vec<(String, String)>,
}

impl Graph {
    pub(super) fn parse(text: &str) -> Self {
        let mut edges = Vec::new();
        for path in text.split(", ") {
            let names: Vec<String> = path.split('>').map(str::to_lowercase).collect();
            edges.extend(names.windows(2).map(|pair| (pair[0].clone(), pair[1].clone())));
        }
        Self { edges }
    }

    pub(super) fn providers(&self) -> BTreeSet<&str> {
        self.names().into_iter().filter(|name| !is_entity(name)).collect()
    }

    pub(super) fn entities(&self) -> Vec<&str> {
        self.names().into_iter().filter(|name| is_entity(name)).collect()
    }

    /// What a provider or an entity claims.
    pub(super) fn claims_of(&self, source: &str) -> Vec<NewClaim> {
        let own = self.edges.iter().filter(|(from, _)| from == source);
        own.map(|(_, to)| claim(to, to)).collect()
    }

    fn names(&self) -> BTreeSet<&str> {
        self.edges.iter().flat_map(|(from, to)| [from.as_str(), to.as_str()]).collect()
    }
}

fn is_entity(name: &str) -> bool {
    name.contains(|c: char| c.is_ascii_digit())
}

impl Scene<'_> {
    /// Makes the store hold a graph: claims, output and final entities.
    pub(super) async fn grow(&mut self, graph: &Graph) {
        for provider in graph.providers() {
            self.full(provider, &graph.claims_of(provider)).await;
        }
        self.process_all(graph).await;
        self.stitch().await;
    }

    /// Processes until nothing is due. Each entity emits what the graph says.
    pub(super) async fn process_all(&self, graph: &Graph) {
        loop {
            let due = self.take().await;
            if due.is_empty() {
                return;
            }
            let commits = due.iter().map(|due| {
                let own_name = name(&due.entity_ref);
                let children = graph.claims_of(&own_name);
                self.commit_of(due, Output { processed: own_name, children, ..Output::default() }.outcome())
            });
            self.commit(commits.collect()).await;
        }
    }
}
