//! Events on their way to subscribers: on one server, and on several of which some are killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard_testkit::{ServerProcess, postgres_database, until};
use reqwest::Client;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::{PATIENCE, guide, program, run_commands};

const PROGRAM: &str = env!("CARGO_BIN_EXE_deployments");
/// The subscribers. Each is to get each event once, whatever node it is on.
const AUDIT: &str = "audit";
const CHAT: &str = "chat";
/// The event that a node has in its hands when it is killed.
const HELD: &str = "held";
/// Between two events of one sender.
const PACE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_event_from_outside_reaches_its_subscribers() {
    let upstream = MockServer::start().await;
    Mock::given(path("/deployments")).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    Mock::given(path("/audit")).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let mut server = program(PROGRAM, "deployments");
    let secret = ("DEPLOYMENTS_SECRET", "a secret of two");
    let chat = upstream.address().to_string();
    for (name, value) in [("GITHUB_WEBHOOK_SECRET", "another"), ("CHAT_HOST", &chat), secret] {
        server.set_variable(name, value);
    }
    server.start().await;
    let folder = tempfile::tempdir().unwrap();
    for commands in guide::commands("docs/events.md") {
        run_commands(&server, &commands, folder.path(), secret).await;
    }
    until("both to be told", PATIENCE, async || {
        let told = upstream.received_requests().await?;
        let deployed = |request: &Request| request.body_json::<Value>().unwrap()["deployment"].clone();
        let shop = json!({ "deployed": "shop" });
        (told.len() == 2 && told.iter().all(|request| deployed(request) == shop)).then_some(())
    })
    .await;
    assert!(server.stop().await.success());
}

/// No event is lost that was accepted. None comes twice, but for that which a node had in its hands when it was killed.
#[tokio::test]
async fn each_subscriber_gets_each_event_once_whichever_nodes_are_killed() {
    let upstream = MockServer::start().await;
    Mock::given(path("/audit")).respond_with(HoldsOnce::default()).mount(&upstream).await;
    Mock::given(path("/chat")).respond_with(ResponseTemplate::new(200)).mount(&upstream).await;
    let config = json!({
        "events": { "http": { "topics": ["deployments"] } },
        "announcers": {
            AUDIT: { "url": format!("{}/audit", upstream.uri()) },
            CHAT: { "url": format!("{}/chat", upstream.uri()) },
        },
    });
    let database = postgres_database().await;
    let mut nodes = [(); 3].map(|()| ServerProcess::on_postgres(PROGRAM, config.clone(), &database));
    for node in &mut nodes {
        node.start().await;
    }
    let urls = nodes.each_ref().map(ingress);
    let done = AtomicBool::new(false);
    let (one, other, killed) = tokio::join!(send("one", &urls, &done), send("other", &urls, &done), async {
        let killed = kill_some(&mut nodes, &upstream).await;
        done.store(true, Ordering::Relaxed);
        killed
    });
    assert!(one.len() > 20 && other.len() > 20, "only {} and {} were accepted", one.len(), other.len());
    until("all that was accepted to have come", PATIENCE, async || {
        for group in [AUDIT, CHAT] {
            let come: BTreeSet<String> =
                announcements(&upstream, group).await.into_iter().map(|known| known.event).collect();
            if !one.iter().chain(&other).all(|event| come.contains(event)) {
                return None;
            }
        }
        Some(())
    })
    .await;
    for node in &mut nodes {
        until("the node to be ready", PATIENCE, async || node.json("/entities/by-query?limit=0").await).await;
        assert!(node.stop().await.success(), "{}", node.log());
    }

    let audit = announcements(&upstream, AUDIT).await;
    let chat = announcements(&upstream, CHAT).await;
    let held: Vec<u64> =
        audit.iter().filter(|known| known.event == HELD).map(|known| known.process).collect();
    assert!(held.len() > 1 && killed.contains(&held[0]), "{held:?} is not a kill and a repetition");
    let (audit, chat) = (without_repetitions(&audit, &killed), without_repetitions(&chat, &killed));
    assert_eq!(audit, chat, "each has all of them, and in one order");
    for sent in [one, other] {
        let in_order: Vec<&String> = audit.iter().filter(|event| sent.contains(event)).collect();
        assert_eq!(in_order, sent.iter().collect::<Vec<_>>());
    }
}

/// What a subscriber has sent on.
#[derive(Debug)]
struct Announcement {
    event: String,
    process: u64,
}

impl Announcement {
    fn of(request: &Request) -> Self {
        let body: Value = request.body_json().unwrap();
        let event = body["deployment"]["id"].as_str().unwrap().to_owned();
        Self { event, process: body["announcedBy"].as_u64().unwrap() }
    }
}

/// All that came from a subscriber, in the order in which it came.
async fn announcements(upstream: &MockServer, subscriber: &str) -> Vec<Announcement> {
    let requests = upstream.received_requests().await.unwrap();
    let from = |request: &&Request| request.url.path().ends_with(subscriber);
    requests.iter().filter(from).map(Announcement::of).collect()
}

/// Does not answer when it is told of [`HELD`] for the first time.
#[derive(Default)]
struct HoldsOnce(AtomicBool);

impl Respond for HoldsOnce {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let holds = Announcement::of(request).event == HELD && !self.0.swap(true, Ordering::Relaxed);
        ResponseTemplate::new(200).set_delay(if holds { PATIENCE } else { Duration::ZERO })
    }
}

/// Where a node takes events.
fn ingress(node: &ServerProcess) -> String {
    node.api("/../events/http/deployments")
}

/// Whether a node accepts an event. If it does not, nobody knows whether the event will come.
async fn publish(client: &Client, url: &str, id: &str) -> bool {
    let request = client.post(url).json(&json!({ "id": id })).timeout(PATIENCE);
    request.send().await.is_ok_and(|answer| answer.status() == 202)
}

/// Publishes events at one node after the other until it is told to stop. Returns those that were accepted.
async fn send(name: &str, urls: &[String], done: &AtomicBool) -> Vec<String> {
    let client = Client::new();
    let mut accepted = Vec::new();
    for (number, url) in urls.iter().cycle().enumerate() {
        let id = format!("{name}-{number}");
        if publish(&client, url, &id).await {
            accepted.push(id);
        }
        if done.load(Ordering::Relaxed) {
            break;
        }
        tokio::time::sleep(PACE).await;
    }
    accepted
}

/// Kills nodes that hand out events, and starts them again. Returns the processes that are gone.
async fn kill_some(nodes: &mut [ServerProcess], upstream: &MockServer) -> BTreeSet<u64> {
    let mut killed = BTreeSet::new();
    assert!(publish(&Client::new(), &ingress(&nodes[0]), HELD).await);
    let handing_out = until("the event to be handed out", PATIENCE, async || {
        let audit = announcements(upstream, AUDIT).await;
        audit.iter().find(|known| known.event == HELD).map(|known| known.process)
    })
    .await;
    kill(nodes, handing_out, &mut killed).await;
    // Another has taken over: two of the three, this one among them.
    let handing_out = until("the next event to be handed out", PATIENCE, async || {
        let last = announcements(upstream, AUDIT).await.pop()?;
        (!killed.contains(&last.process)).then_some(last.process)
    })
    .await;
    let other = (place(nodes, handing_out) + 1) % nodes.len();
    let other = u64::from(nodes[other].id());
    kill(nodes, handing_out, &mut killed).await;
    kill(nodes, other, &mut killed).await;
    until("both to go on", PATIENCE, async || {
        for subscriber in [AUDIT, CHAT] {
            let last = announcements(upstream, subscriber).await.pop()?;
            if killed.contains(&last.process) {
                return None;
            }
        }
        Some(())
    })
    .await;
    killed
}

fn place(nodes: &[ServerProcess], process: u64) -> usize {
    nodes.iter().position(|node| u64::from(node.id()) == process).unwrap()
}

async fn kill(nodes: &mut [ServerProcess], process: u64, killed: &mut BTreeSet<u64>) {
    let node = &mut nodes[place(nodes, process)];
    node.kill().await;
    node.spawn();
    killed.insert(process);
}

/// The events that came, once each. One that came several times must have been the last one that a killed process had.
fn without_repetitions(come: &[Announcement], killed: &BTreeSet<u64>) -> Vec<String> {
    let last: BTreeMap<u64, &str> = come.iter().map(|known| (known.process, &*known.event)).collect();
    let mut once: Vec<String> = Vec::new();
    let mut before: Option<&Announcement> = None;
    for known in come {
        match before {
            Some(before) if before.event == known.event => {
                assert!(killed.contains(&before.process), "{before:?} came again, and was not cut off");
                assert_eq!(last[&before.process], before.event, "{before:?} came again as {known:?}");
            }
            _ => {
                assert!(!once.contains(&known.event), "{known:?} came before");
                once.push(known.event.clone());
            }
        }
        before = Some(known);
    }
    once
}
