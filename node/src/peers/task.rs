//! One link: dialled again and again, compared, and followed in both directions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use caphub_proto::v1::{self, HelloResponse, PushRequest, PushResponse};
use caphub_proto::wire::card::Card;
use caphub_proto::wire::claims::Claims;
use caphub_proto::wire::limits::BATCH_BYTES;
use caphub_proto::wire::session::{Memory, Settings, calls_for_comparison, still_sent};
use caphub_proto::wire::{EntryHash, FeedId, Head, Reason, Seq};
use tokio::sync::watch;

use crate::addresses::places;
use crate::author::{feed_parts, now_ms};
use crate::core::Core;
use crate::entitlement::Viewer;
use crate::forks;
use crate::ingest::Taken;
use crate::keys::random;
use crate::link::{Dialler, Place};
use crate::peers::{Live, State};
use crate::standing::Standing;
use crate::store::StoredRun;
use crate::sync::{Options, Session, SyncError, Synced};

/// First wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// Longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// Entries that arrive within this time leave in one push.
const PUSH_DEBOUNCE: Duration = Duration::from_millis(20);
/// How long after news another address of a lost hub is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Feeds of which it is remembered how far the far end sent them itself; about 80 bytes each.
const SENT_BY_IT_MAX: usize = 65_536;

/// Longest time between two comparisons of a link that is followed: what a Revoke brings back into force, or a far end
/// carries since it admitted somebody, is older than the place from which it is followed. Where nothing differs, Hello
/// alone ends it.
const COMPARE_AGAIN: Duration = Duration::from_secs(60);

/// How often a far end is asked again whose identities it knows.
const CONFIRM_AGAIN: Duration = Duration::from_secs(60);
/// And how long after links or admissions changed.
const CONFIRM_SOON: Duration = Duration::from_secs(1);

/// What keeps one link up.
pub(super) struct Task {
    pub(super) core: Core,
    pub(super) dialler: Dialler,
    pub(super) card: Card,
    pub(super) live: Live,
    pub(super) memory: Arc<Mutex<Memory>>,
    pub(super) claims: Arc<Mutex<Claims>>,
}

/// The last entry of each feed that the far end sent itself: up to it nothing is sent back, while it still is what is held
/// here. Another branch, or other identity events, may take its place.
type SentByIt = Mutex<HashMap<FeedId, Head>>;

impl Task {
    /// Dials for ever, with longer and longer waits.
    pub(super) async fn run(self) {
        let mut wait = BACKOFF_MIN;
        loop {
            let started = tokio::time::Instant::now();
            let tried = places(&self.core, &self.card);
            if tried.is_empty() {
                let detail = "no address of it is known: it connects to this node".to_owned();
                self.set(|s| (s.connected, s.detail) = (false, detail));
                self.moved(&tried).await;
                continue;
            }
            let (detail, clock_s) = self.connect(&tried).await;
            self.set(|s| (s.connected, s.detail, s.clock_s) = (false, detail, clock_s));
            // A link that held for a while starts over with short waits.
            wait = if started.elapsed() > Duration::from_secs(30) {
                BACKOFF_MIN
            } else {
                (wait * 2).min(BACKOFF_MAX)
            };
            tokio::select! {
                () = tokio::time::sleep(jitter(wait)) => {}
                () = self.moved(&tried) => wait = BACKOFF_MIN,
            }
        }
    }

    /// Ends when another address of the hub is known than those tried.
    async fn moved(&self, tried: &[Place]) {
        let mut changes = self.core.views.watch();
        while places(&self.core, &self.card) == tried {
            // Records come in thousands: looking again a little later finds them all.
            let changed = changes.recv().await;
            tokio::time::sleep(LOOK_AGAIN).await;
            changes = changes.resubscribe();
            if matches!(changed, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                return std::future::pending().await;
            }
        }
    }

    /// One connection from dial to end; returns why it ended, and by how far the clocks differ where that is why.
    async fn connect(&self, places: &[Place]) -> (String, Option<i64>) {
        let party = self.card.party;
        let reached = match self.dialler.dial(party, places, now_ms()).await {
            Ok(reached) => reached,
            Err(error) => return (error.to_string(), None),
        };
        let session = Session::new(reached.channel, party, Some(reached.key));
        loop {
            match self.round(&session).await {
                Ok(wait) => tokio::time::sleep(wait).await,
                Err(error) => {
                    let seconds = match &error {
                        SyncError::Clock { seconds } => Some(*seconds),
                        _ => None,
                    };
                    return (error.to_string(), seconds);
                }
            }
        }
    }

    /// Compares, moves what is missing, and follows until the two sides should compare again, after the wait that it
    /// returns.
    async fn round(&self, session: &Session) -> Result<Duration, SyncError> {
        let mut admissions = self.core.admissions.watch();
        admissions.mark_unchanged();
        let viewer = Standing::of(&self.core, &self.card.party).viewer(&self.core, self.card.party);
        // What is appended from here on is sent afterwards.
        let ours = self.core.store.end();
        let options = Options {
            settings: Settings {
                far: viewer.clone(),
                parties: vec![self.core.party],
                pull: true,
                push: true,
                to_strangers: false,
                max_bytes: None,
                newest_first: false,
                dry: false,
            },
            memory: &self.memory,
            claims: &self.claims,
            greeted: &|hello| self.greeted(hello),
            progress: &|_, _| self.set(|s| s.last_contact_ms = now_ms()),
        };
        let (hello, synced) = session.sync(&self.core, &options).await?;
        self.moved_by(&synced);
        // Where the far end does not know this hub's identity it cannot know it as the hub that it has added.
        if hello.standing == "applicant" && session.introduce(&self.core).await?.stored > 0 {
            return Ok(BACKOFF_MIN);
        }
        if matches!(hello.standing.as_str(), "peer" | "own")
            && let Err(error) = self.core.shown.asked()
        {
            tracing::error!(%error, "the mark of a restored copy cannot be removed: it goes on signing nothing");
        }
        session.fetch_bodies(&self.core).await?;
        session.bring_bodies(&self.core, &viewer, &hello).await?;
        let position = hello.position.clone().unwrap_or_default();
        let sent_by_it = SentByIt::default();
        let follow = session.follow(&self.core, position, |taken| self.seen(taken, &sent_by_it));
        let change = self.may_carry_more(&mut admissions);
        let linked = matches!(hello.standing.as_str(), "peer" | "own");
        let push = async {
            match hello.follows_you || !linked {
                true => std::future::pending().await,
                false => self.push(session, &viewer, ours, &sent_by_it).await,
            }
        };
        tokio::select! {
            ended = follow => ended.map(|()| BACKOFF_MIN),
            ended = push => ended.map(|()| BACKOFF_MIN),
            ended = self.confirm(session) => ended.map(|()| BACKOFF_MIN),
            () = change => Ok(BACKOFF_MIN),
            () = tokio::time::sleep(jitter(COMPARE_AGAIN)) => Ok(Duration::ZERO),
        }
    }

    /// Asks the far end for a second word on the identities of the other linked hubs, now and again.
    async fn confirm(&self, session: &Session) -> Result<(), SyncError> {
        let mut changes = self.core.admissions.watch();
        loop {
            changes.mark_unchanged();
            let confirms = session.confirms(&self.core, &self.core.ingest.peers()).await?;
            self.set(|s| s.confirms = confirms);
            let changed = async {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(CONFIRM_SOON).await;
            };
            // Another link may have made somebody's identity known there or here.
            let _ = tokio::time::timeout(CONFIRM_AGAIN, changed).await;
        }
    }

    fn greeted(&self, hello: &HelloResponse) {
        let detail = match hello.standing.as_str() {
            "peer" | "own" => String::new(),
            _ => "the other hub has not added this one yet: only public records move".to_owned(),
        };
        self.set(|s| {
            (s.connected, s.detail, s.last_contact_ms, s.clock_s) = (true, detail, now_ms(), None);
        });
    }

    fn moved_by(&self, synced: &Synced) {
        self.set(|s| {
            s.received += synced.pulled.entries;
            s.sent += synced.pushed.entries;
            s.last_contact_ms = now_ms();
        });
    }

    /// Ends when what was not carried may be carried: somebody was admitted or recognised, or a link
    /// was added.
    async fn may_carry_more(&self, admissions: &mut watch::Receiver<u64>) {
        while admissions.changed().await.is_ok() {
            let mut memory = self.memory();
            if memory.here().next().is_some() {
                memory.forget_here();
                return;
            }
        }
        std::future::pending().await
    }

    /// What became of followed entries; false where the two sides should compare again.
    fn seen(&self, taken: &[Taken], sent_by_it: &SentByIt) -> bool {
        let stored: u64 = taken.iter().filter_map(|t| t.result.ok()).map(|s| s.stored).sum();
        self.set(|s| {
            s.received += stored;
            s.last_contact_ms = now_ms();
        });
        let (mut memory, mut sent) =
            (self.memory(), sent_by_it.lock().unwrap_or_else(PoisonError::into_inner));
        let mut complete = true;
        for run in taken {
            match run.result {
                Ok(stored) => {
                    if sent.len() >= SENT_BY_IT_MAX {
                        sent.clear();
                    }
                    let last = Seq::new((run.from + stored.stored + stored.known).saturating_sub(1));
                    if let Some((seq, hash)) = last.and_then(|seq| Some((seq, self.hash(&run.feed, seq)?))) {
                        sent.insert(run.feed, Head { seq, hash });
                    }
                    complete &= !stored.above;
                }
                Err(reason) if calls_for_comparison(reason) => complete &= memory.refuses_here(&run.feed),
                Err(reason) => memory.refused_here_at(run.feed, run.from, reason, now_ms()),
            }
        }
        complete
    }

    /// Sends what is appended to this node's log, as long as the connection lasts.
    async fn push(
        &self,
        session: &Session,
        viewer: &Viewer,
        mut ordinal: u64,
        sent_by_it: &SentByIt,
    ) -> Result<(), SyncError> {
        let (mut growing, mut told_forks) = (self.core.store.subscribe(), self.core.forks.end());
        loop {
            growing.mark_unchanged();
            let new = self.core.forks.since(told_forks);
            told_forks += new.len();
            let readable = new.iter().filter(|proof| viewer.may_read(proof.feed()));
            let forks: Vec<_> = readable.map(|proof| forks::travelling(proof)).collect();
            if !forks.is_empty() {
                self.send(session, PushRequest { forks, ..PushRequest::default() }).await?;
            }
            while ordinal < self.core.store.end() {
                let (runs, next) = self.core.store.read_from(ordinal, BATCH_BYTES)?;
                ordinal = next;
                let due = runs.into_iter().flat_map(|run| self.core.servable(run));
                let due = due.filter_map(|run| self.due(run, viewer, sent_by_it));
                let runs: Vec<v1::Run> = due.collect();
                if !runs.is_empty()
                    && !self.send(session, PushRequest { runs, ..PushRequest::default() }).await?
                {
                    return Ok(());
                }
            }
            if growing.changed().await.is_err() {
                return Ok(());
            }
            tokio::time::sleep(PUSH_DEBOUNCE).await;
        }
    }

    fn due(&self, run: StoredRun, viewer: &Viewer, sent_by_it: &SentByIt) -> Option<v1::Run> {
        let id = run.feed.id();
        let last = run.first.value() + u64::from(run.count) - 1;
        let from_it = sent_by_it.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied();
        let has_it =
            |from_it: Head| from_it.seq.value() >= last && still_sent(from_it, self.hash(&id, from_it.seq));
        let wanted = viewer.may_read(&run.feed)
            && run.feed.party != self.card.party
            && !from_it.is_some_and(has_it)
            && !self.memory().refuses_there(&id);
        wanted.then(|| v1::Run { feed: Some(feed_parts(&run.feed)), entries: run.packed })
    }

    /// False where the far end lacks what comes before.
    async fn send(&self, session: &Session, request: PushRequest) -> Result<bool, SyncError> {
        let mut complete = true;
        let told = |answer: PushResponse| {
            self.set(|s| {
                s.sent += answer.stored;
                s.last_contact_ms = now_ms();
            });
            for refusal in &answer.refusals {
                let Some(feed) = FeedId::from_slice(&refusal.feed_id) else { continue };
                match Reason::parse(&refusal.reason).unwrap_or(Reason::NotCarried) {
                    reason if calls_for_comparison(reason) => complete = false,
                    reason => self.memory().refused_there_at(feed, refusal.from, reason, now_ms()),
                }
            }
            true
        };
        let requests = futures::stream::once(std::future::ready(request));
        session.send(&self.core, requests, told).await?;
        Ok(complete)
    }

    fn hash(&self, feed: &FeedId, seq: Seq) -> Option<EntryHash> {
        self.core.store.hash(feed, seq).ok().flatten()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.live.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Between half and all of a wait, so that nodes do not come back at one moment.
fn jitter(wait: Duration) -> Duration {
    let [byte] = random::<1>().unwrap_or([255]);
    wait / 2 + wait / 2 * u32::from(byte) / 255
}
