//! `caphub demo`: three hubs and three states on this machine, real processes over real sockets.

mod hub;
mod sample;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use caphub_node::link::{LinkIdentity, dial};
use caphub_proto::v1::exchange_service_client::ExchangeServiceClient;
use caphub_proto::v1::{self, Revision};
use caphub_proto::wire::Audience;
use serde_json::json;

use crate::arguments::Demo;
use crate::commands::{Context, sync};
use crate::failure::{Failure, Outcome};
use crate::home::{Home, card_of};
use crate::replica::Replica;
use crate::screen;
use hub::{DemoHub, Program};
use sample::Sample;

/// What all three hubs are asked for.
const QUERY: &str = "incident";

struct State {
    key: &'static str,
    name: &'static str,
    country: &'static str,
    home: Home,
    /// Index of the hub that it joins.
    hub: usize,
}

/// Tells the story, then stays up until interrupted.
pub async fn run(context: &Context, demo: Demo) -> Outcome {
    let started = Instant::now();
    let folder = tempfile::Builder::new().prefix("caphub-demo-").tempdir();
    let folder = folder.map_err(|e| Failure::new("error-demo").because(e))?;
    let program = Program::this()?;
    let sample = Sample::read()?;
    let mut hubs = found(context, &program, folder.path(), &sample).await?;
    link(context, &hubs).await?;
    let states = join(context, &program, folder.path(), &mut hubs).await?;
    let held_back = publish(context, &program, &sample, &states).await?;
    let expected = sample.len() as u64 - 1;
    all_hold(&hubs, expected).await?;
    context.say("demo-same", &[("count", &expected.to_string())]);
    let answers = search(context, &hubs, &states[0]).await?;
    cut_and_heal(context, &program, &mut hubs, &states[1], held_back, expected + 1).await?;
    for state in &states {
        program.caphub(&state.home.directory, &["sync"]).await?;
    }
    report(context, &hubs, &answers, started.elapsed()).await?;
    if !demo.exit {
        stay(context, &hubs, &states).await;
    }
    for hub in &mut hubs {
        hub.stop().await;
    }
    Ok(())
}

async fn found(
    context: &Context,
    program: &Program,
    folder: &Path,
    sample: &Sample,
) -> Result<Vec<DemoHub>, Failure> {
    let made = [
        ("regional", "Pacific Regional Cyber Forum", "009"),
        ("sub_a", "Melanesia Cyber Hub", "054"),
        ("sub_b", "Polynesia Cyber Hub", "061"),
    ];
    let mut hubs = Vec::new();
    for (key, name, region) in made {
        let mut hub = DemoHub::found(program, folder.join(key), name, region).await?;
        hub.publish(&sample.of(key)).await?;
        hub.start(program).await?;
        context.say("demo-hub", &[("name", name), ("address", &hub.address)]);
        hubs.push(hub);
    }
    Ok(hubs)
}

/// Every two hubs are linked: exchange then depends on none of them.
async fn link(context: &Context, hubs: &[DemoHub]) -> Outcome {
    for one in hubs {
        for other in hubs.iter().filter(|h| h.name != one.name) {
            let request = v1::AddLinkRequest { card: other.card.clone(), ..Default::default() };
            let mut node = one.admin().await?;
            node.add_link(request).await.map_err(|s| sync::status_failure(&s))?;
        }
    }
    context.say("demo-linked", &[]);
    Ok(())
}

async fn join(
    context: &Context,
    program: &Program,
    folder: &Path,
    hubs: &mut [DemoHub],
) -> Result<Vec<State>, Failure> {
    let made = [
        ("member_tv", "Office for Digital Security, Tuvalu (example)", "TV", 2),
        ("member_fj", "Cyber Coordination Office, Fiji (example)", "FJ", 1),
        ("member_ws", "National Cyber Unit, Samoa (example)", "WS", 2),
    ];
    let mut states = Vec::new();
    for (key, name, country, hub) in made {
        let home = Home::new(Some(folder.join(key)));
        let file = folder.join(format!("{key}.caphub"));
        let invited = key == "member_tv";
        let text = match invited {
            true => hubs[hub].invite(country).await?,
            false => hubs[hub].card.clone(),
        };
        std::fs::write(&file, text).map_err(|e| Failure::new("error-demo").because(e))?;
        let path = file.display().to_string();
        let words = ["join", &path, "--name", name, "--country", country, "--no-passphrase"];
        program.caphub(&home.directory, &words).await?;
        if !invited {
            hubs[hub].approve(&home.load()?.party()?).await?;
        }
        let how = context.texts.t(if invited { "demo-by-invitation" } else { "demo-by-approval" });
        context.say("demo-joined", &[("name", name), ("hub", &hubs[hub].name), ("how", &how)]);
        states.push(State { key, name, country, home, hub });
    }
    Ok(states)
}

/// Publishes what the states have, but for one need that is kept back for later.
async fn publish(
    context: &Context,
    program: &Program,
    sample: &Sample,
    states: &[State],
) -> Result<Revision, Failure> {
    let mut held_back = None;
    for state in states {
        let mut revisions = sample.of(state.key);
        if state.key == "member_fj" {
            held_back = revisions.pop();
        }
        write(&state.home, &revisions).await?;
        program.caphub(&state.home.directory, &["sync"]).await?;
        context.say("demo-published", &[("name", state.name), ("count", &revisions.len().to_string())]);
    }
    held_back.ok_or_else(|| Failure::new("error-sample"))
}

async fn write(home: &Home, revisions: &[Revision]) -> Outcome {
    let replica = Replica::open(home)?;
    replica.publish(Audience::Public, revisions, "").await.map(drop)
}

/// Waits until all hubs that run hold as many records.
async fn all_hold(hubs: &[DemoHub], records: u64) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut counts = Vec::new();
        for hub in hubs.iter().filter(|h| h.runs()) {
            counts.push(hub.status().await?.records);
        }
        if counts.iter().all(|c| *c == records) {
            return Ok(());
        }
        if Instant::now() > deadline {
            let detail = format!("{counts:?} instead of {records}");
            return Err(Failure::new("error-demo-differs").because(detail));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Asks every hub the same, as one member, over mutual TLS.
async fn search(context: &Context, hubs: &[DemoHub], state: &State) -> Result<Vec<(String, u64)>, Failure> {
    let replica = Replica::open(&state.home)?;
    let identity = LinkIdentity { party: replica.core.party, signer: replica.signer("")? };
    drop(replica);
    let mut answers = Vec::new();
    for hub in hubs {
        let card = card_of(&hub.card).ok_or_else(|| Failure::usage("error-not-card"))?;
        let failed = |e: caphub_node::link::DialError| Failure::new("error-demo").because(e);
        let now = caphub_node::author::now_ms();
        let dialled = dial(&identity, card.party, Some(card.node_key), &card.addresses, now).await;
        let channel = dialled.map_err(failed)?;
        let request = v1::SearchRequest { query: QUERY.to_owned(), page_size: 200, ..Default::default() };
        let answer = ExchangeServiceClient::new(channel).search(request).await;
        let answer = answer.map_err(|s| sync::status_failure(&s))?.into_inner();
        let total = answer.total.to_string();
        context.say("demo-search", &[("query", QUERY), ("hub", &hub.name), ("count", &total)]);
        answers.push((hub.name.clone(), answer.total));
    }
    Ok(answers)
}

async fn cut_and_heal(
    context: &Context,
    program: &Program,
    hubs: &mut [DemoHub],
    state: &State,
    held_back: Revision,
    expected: u64,
) -> Outcome {
    hubs[0].stop().await;
    context.say("demo-cut", &[("hub", &hubs[0].name)]);
    write(&state.home, &[held_back]).await?;
    program.caphub(&state.home.directory, &["sync"]).await?;
    all_hold(hubs, expected).await?;
    let values = [("name", state.name), ("from", &*hubs[state.hub].name), ("to", &*hubs[2].name)];
    context.say("demo-goes-on", &values);
    hubs[0].start(program).await?;
    all_hold(hubs, expected).await?;
    context.say("demo-caught-up", &[("hub", &hubs[0].name)]);
    Ok(())
}

async fn report(context: &Context, hubs: &[DemoHub], answers: &[(String, u64)], took: Duration) -> Outcome {
    let mut rows = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(10);
    for hub in hubs {
        // A link that was cut is opened again after its wait.
        while (hub.status().await?.links as usize) + 1 < hubs.len() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let s = hub.status().await?;
        let values =
            [("name", s.name.clone()), ("records", s.records.to_string()), ("links", s.links.to_string())];
        if !context.json {
            let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
            screen::line(&context.texts.tf("demo-row", &values));
        }
        rows.push(json!({
            "name": s.name, "records": s.records, "entries": s.entries, "links": s.links,
            "address": hub.address,
        }));
    }
    if context.json {
        let search: Vec<_> =
            answers.iter().map(|(hub, count)| json!({ "hub": hub, "found": count })).collect();
        screen::json(&json!({
            "hubs": rows, "query": QUERY, "search": search, "seconds": took.as_secs_f64(),
        }));
    } else {
        context.say("demo-took", &[("seconds", &format!("{:.1}", took.as_secs_f64()))]);
    }
    Ok(())
}

async fn stay(context: &Context, hubs: &[DemoHub], states: &[State]) {
    let home = |state: &State| -> PathBuf { state.home.directory.clone() };
    let (first, directory) = (home(&states[0]), hubs[0].directory.clone());
    let values = [
        ("home", first.display().to_string()),
        ("country", states[0].country.to_owned()),
        ("hub", directory.display().to_string()),
    ];
    let values: Vec<(&str, &str)> = values.iter().map(|(k, v)| (*k, v.as_str())).collect();
    context.say("demo-try", &values);
    let _ = tokio::signal::ctrl_c().await;
}
