//! `check`: the configuration and the hub's files, without starting.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use super::told::Told;
use crate::hub::{Hub, HubError};
use crate::keys::KeyName;
use crate::link::Proxies;
use crate::store::{Store, StoreError, register};
use crate::texts::columns::{labelled, pad, width};

/// One thing that was looked at: what it is, and how it is or what is wrong.
type Line = (&'static str, Result<String, String>);

pub(super) fn check(told: &Told, directory: &Path) -> ExitCode {
    let hub = Hub::load(directory);
    let lines = looked_at(told, directory, &hub);
    let (ok, wrong) = (told.texts.t("node-check-ok"), told.texts.t("node-check-wrong"));
    let columns = width(&ok).max(width(&wrong));
    for (what, how) in &lines {
        let (mark, detail) = match how {
            Ok(detail) => (&ok, detail),
            Err(detail) => (&wrong, detail),
        };
        let found = told.texts.tf("node-check-line", &[("what", &told.texts.t(what)), ("how", detail)]);
        told.say(&labelled(&format!("{} ", pad(mark, columns)), &found));
    }
    match (lines.iter().any(|(_, how)| how.is_err()), hub) {
        (false, _) => ExitCode::SUCCESS,
        (true, Err(HubError::None(_))) => ExitCode::from(3),
        (true, _) => ExitCode::FAILURE,
    }
}

fn looked_at(told: &Told, directory: &Path, hub: &Result<Hub, HubError>) -> Vec<Line> {
    let wrong = |error: &dyn Display| told.said(error);
    let config = super::load(directory);
    let mut lines: Vec<Line> = vec![(
        "node-check-configuration",
        match &config {
            Ok(config) => Ok(match config.listens_on() {
                Some(address) => told.with("node-check-listens", &[("address", address)]),
                None => told.with("node-check-dials", &[]),
            }),
            Err(error) => Err(wrong(error)),
        },
    )];
    if let Ok(config) = &config {
        let proxies = Proxies::resolve(&config.proxy, |name| std::env::var(name).ok());
        lines.push(("node-check-proxy", proxies.map(|p| p.to_string()).map_err(|e| wrong(&e))));
    }
    lines.push((
        "node-check-hub",
        match hub {
            Ok(hub) => Ok(format!("{} {}", crate::texts::plain(&hub.name), hub.party)),
            Err(error) => Err(wrong(error)),
        },
    ));
    let Ok(hub) = hub else { return lines };
    let key = hub.keys(directory).read(KeyName::Operator, None);
    lines.push(("node-check-signing-key", key.map(|k| k.public().to_string()).map_err(|e| wrong(&e))));
    // Opening mends it; that it had to is told.
    let damaged = register::check(&directory.join("store"), |_| {}).map_or(0, |gaps| gaps.len());
    let store = match Store::open(&directory.join("store")) {
        Ok(store) => {
            let (entries, feeds) = (store.end().to_string(), store.heads().len().to_string());
            let (values, places) = ([("entries", &entries[..]), ("feeds", &feeds)], damaged.to_string());
            let held = told.with("node-check-holds", &values);
            match damaged {
                0 => Ok(held),
                _ => Ok(told.with("node-check-mended", &[("held", &held), ("places", &places)])),
            }
        }
        Err(StoreError::Locked { holder, .. }) => {
            Ok(told.with("node-check-runs", &[("holder", &holder.to_string())]))
        }
        Err(error) => Err(wrong(&error)),
    };
    lines.push(("node-check-store", store));
    lines
}
