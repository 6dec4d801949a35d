use std::collections::VecDeque;
use std::fmt::Debug;
use std::future;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};
use tidings_client::{
    Client, Connection, GapReason, Item, Limits, Loss, Method, Start, Subscribe, SubscribeError,
    Token, TokenReason,
};
use tokio::runtime::Builder;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time;

use crate::scenarios::data::{Expect, Options, Scenario};
use crate::scenarios::server::{Hang, Received, Server};

const IDLE: Duration = Duration::from_secs(45);

/// What the client told.
#[derive(Debug, Default)]
struct Seen {
    items: Vec<Value>,
    events: Vec<Value>,
    errors: Vec<&'static str>,
    delays: Vec<u64>,
    asked: Vec<Option<String>>,
    closed: &'static str,
}

/// Runs a scenario; gives the first thing that is not as it says.
pub(crate) fn run(scenario: Scenario) -> Result<(), String> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let Scenario {
        options,
        exchanges,
        outcome,
        ..
    } = scenario;
    let (hangs, mut hung) = unbounded_channel();
    let server = Server::start(exchanges, hangs);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let subscribe = subscribe(&options, server.origin(), &asked);
    let mut seen = runtime.block_on(async {
        // While it waits for a thread, the runtime does not move the clock by itself.
        let (release, released) = mpsc::channel::<()>();
        let holding = tokio::task::spawn_blocking(move || released.recv());
        let seen = follow(subscribe, &mut hung).await;
        drop(release);
        holding.await.unwrap().unwrap_err();
        seen
    });
    seen.asked = asked.lock().unwrap().clone();

    let received = server.received();
    equal("number of requests", received.len(), server.script().len())?;
    for (received, exchange) in received.iter().zip(server.script()) {
        equal("origin", received.at, exchange.at)?;
        check(received, &exchange.expect)?;
    }
    equal("errors", &seen.errors[..], &outcome.errors[..])?;
    let exact = !server.script().iter().any(|e| e.answer.has_date());
    if exact {
        equal("delays", &seen.delays, &outcome.delays)?;
    } else {
        let close = |(given, expected): (&u64, &u64)| (expected - 1001..=*expected).contains(given);
        let all = seen.delays.iter().zip(&outcome.delays).all(close);
        equal("delays within a second", all, true)?;
    }
    equal("end", seen.closed, &*outcome.closed)?;
    if let Some(expected) = outcome.events {
        equal("events", seen.events.clone(), expected)?;
    }
    if let Some(expected) = outcome.items {
        equal("items", seen.items, expected)?;
    }
    if let Some(expected) = outcome.event_count {
        equal("number of events", seen.events.len(), expected)?;
    }
    if let Some(expected) = outcome.asked {
        equal("asked", seen.asked, expected)?;
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "reads like an assertion")]
fn equal<A: Debug + PartialEq<B>, B: Debug>(
    what: &str,
    given: A,
    expected: B,
) -> Result<(), String> {
    match given == expected {
        true => Ok(()),
        false => Err(format!("{what}: {given:?} instead of {expected:?}")),
    }
}

fn subscribe(
    options: &Options,
    origin: &str,
    asked: &Arc<Mutex<Vec<Option<String>>>>,
) -> Subscribe {
    let mut limits = Limits::default();
    limits.line = options.limits.line.unwrap_or(limits.line);
    limits.event = options.limits.event.unwrap_or(limits.event);
    let millis = |millis: Option<u64>, default| Duration::from_millis(millis.unwrap_or(default));
    let path = if options.topics.is_some() {
        ""
    } else {
        "/stream"
    };
    let random = options.random;
    let mut builder = Client::builder(format!("{origin}/base{path}"))
        .base_delay(millis(options.backoff.base, 1_000))
        .max_delay(millis(options.backoff.cap, 60_000))
        .idle_timeout(IDLE)
        .jitter(move || random)
        .limits(limits);
    for (name, value) in &options.headers {
        builder = builder.header(name, value);
    }
    if let Some(attempts) = options.attempts {
        builder = builder.attempts(attempts);
    }
    if let Some(tokens) = &options.provider {
        let tokens = Mutex::new(VecDeque::from(tokens.clone()));
        let asked = asked.clone();
        builder = builder.token_provider(move |reason| {
            asked.lock().unwrap().push(said(&reason));
            let token = tokens.lock().unwrap().pop_front().flatten();
            future::ready(token.map(Token::new).ok_or("no token"))
        });
    }
    let client = builder.build().unwrap();
    let mut subscribe = match &options.topics {
        Some(topics) => client.subscribe(topics).enveloped(),
        None => client.stream(),
    };
    for event in &options.events {
        subscribe = subscribe.event(event);
    }
    if let Some(method) = &options.method {
        subscribe = subscribe.method(Method::from_bytes(method.as_bytes()).unwrap());
    }
    if let Some(body) = &options.body {
        subscribe = subscribe.body(body.clone());
    }
    if let Some(from) = &options.from {
        subscribe = subscribe.from(from.parse().unwrap());
    }
    if let Some(id) = &options.last_event_id {
        subscribe = subscribe.from(Start::After(id.clone()));
    }
    subscribe
}

async fn follow(
    subscribe: Subscribe,
    hung: &mut tokio::sync::mpsc::UnboundedReceiver<Hang>,
) -> Seen {
    let mut subscription = subscribe.open();
    let mut connection = subscription.connection();
    let mut seen = Seen::default();
    let mut hang: Option<Hang> = None;
    let mut is_open = false;
    loop {
        let silence_begins = hang.is_some_and(|hang| match hang.after {
            None => hang.at_once,
            Some(after) => is_open && seen.events.len() >= after,
        });
        tokio::select! {
            biased;
            Ok(()) = connection.changed() => {
                let state = connection.borrow_and_update().clone();
                is_open = matches!(state, Connection::Open);
                if let Connection::Waiting { reason, delay } = state {
                    seen.errors.push(of_loss(&reason));
                    seen.delays.push(u64::try_from(delay.as_millis()).unwrap());
                    time::advance(delay + Duration::from_millis(1)).await;
                }
            }
            item = subscription.next() => match item {
                Some(Ok(item)) => take(&mut seen, item),
                Some(Err(error)) => {
                    seen.errors.push(of_error(&error));
                    seen.closed = "failed";
                    return seen;
                }
                None => {
                    seen.closed = "ended";
                    return seen;
                }
            },
            // The client has nothing left to do.
            () = future::ready(()), if silence_begins => {
                hang = None;
                time::advance(IDLE).await;
            }
            Some(next) = hung.recv() => hang = Some(next),
        }
    }
}

fn take(seen: &mut Seen, item: Item) {
    let value = match item {
        Item::Event(event) => {
            let plain = json!({ "event": event.event, "data": event.data, "id": event.id });
            let mut value = plain.clone();
            value["type"] = json!("event");
            if let Some(envelope) = event.envelope {
                value["topic"] = json!(envelope.topic);
                value["time"] = json!(envelope.time);
                value["final"] = json!(envelope.is_final);
            }
            seen.events.push(plain);
            value
        }
        Item::Gap(gap) => json!({
            "type": "gap",
            "reason": if gap.reason == GapReason::Evicted { "evicted" } else { "another" },
            "requested": gap.requested,
            "oldest": gap.oldest,
        }),
        Item::Resumed(resumed) => {
            json!({ "type": "resumed", "from": resumed.from, "count": resumed.count })
        }
        Item::Goodbye(goodbye) => json!({ "type": "goodbye", "reason": goodbye.reason }),
        other => panic!("in no scenario: {other:?}"),
    };
    seen.items.push(value);
}

fn of_loss(loss: &Loss) -> &'static str {
    match loss {
        Loss::Closed | Loss::Goodbye { .. } => "closed",
        Loss::Idle => "idle",
        Loss::Transport(_) => "network",
        Loss::Unavailable(_) => "status",
        Loss::Undecodable(_) => "limit",
        Loss::Credentials(_) => "credentials",
        other => panic!("in no scenario: {other:?}"),
    }
}

fn of_error(error: &SubscribeError) -> &'static str {
    match error {
        SubscribeError::Refused(_) => "status",
        SubscribeError::NotAStream { .. } => "content-type",
        SubscribeError::Redirect(_) => "redirect",
        SubscribeError::Undecodable { .. } => "limit",
        SubscribeError::Exhausted { loss, .. } => of_loss(loss),
        other => panic!("in no scenario: {other:?}"),
    }
}

/// Why the provider was asked, in the words of the scenarios.
fn said(reason: &TokenReason) -> Option<String> {
    let said = match reason {
        TokenReason::First => return None,
        TokenReason::Reconnect => "closed",
        TokenReason::Unauthorized => "status 401",
        TokenReason::Forbidden => "status 403",
        TokenReason::Failed => "credentials",
        TokenReason::Goodbye { reason } => return Some(format!("closed {reason}")),
        other => panic!("in no scenario: {other:?}"),
    };
    Some(said.to_owned())
}

fn check(received: &Received, expected: &Expect) -> Result<(), String> {
    if let Some(method) = &expected.method {
        equal("method", &received.method, method)?;
    }
    if let Some(path) = &expected.path {
        equal("path", &received.path, path)?;
    }
    if let Some(body) = &expected.body {
        equal("body", &received.body, body)?;
    }
    for (name, value) in &expected.headers {
        let given = received
            .headers
            .get(name)
            .map(|v| String::from_utf8_lossy(v).into_owned());
        equal(name, given.as_ref(), Some(value))?;
    }
    for (name, hex) in &expected.headers_hex {
        let given = received.headers.get(name).map(|value| {
            let digits = value.iter().map(|byte| format!("{byte:02x}"));
            digits.collect::<String>()
        });
        equal(name, given.as_ref(), Some(hex))?;
    }
    for name in &expected.absent {
        equal(name, received.headers.get(name), None::<&Vec<u8>>)?;
    }
    Ok(())
}
