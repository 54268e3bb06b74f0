//! What three hubs take of the machine while time passes, and whether it grows.

use std::time::Instant;

use caphub_tests::NodeProcess;

use crate::usage::{disk, memory, mib};

/// The share of the samples that is left out at the beginning, while caches fill: one part of so many.
const WARMING: usize = 5;
/// Memory may grow by so much of its mean over the time that is judged.
const MEMORY_SHARE: f64 = 0.10;
/// And by so many bytes for each entry that came: heads and search of new records are part of a hub's memory.
const MEMORY_AN_ENTRY: f64 = 4_096.0;
/// File handles may differ by so many: members come and go.
const HANDLES: f64 = 12.0;
/// Bytes on disk for an entry may grow by so much of themselves.
const DISK_SHARE: f64 = 0.25;

/// One measurement of one hub.
#[derive(Clone, Copy, Debug, Default)]
struct Sample {
    minutes: f64,
    entries: f64,
    memory: f64,
    handles: f64,
    disk: f64,
}

/// All measurements.
pub struct Samples {
    began: Instant,
    names: [&'static str; 3],
    of: [Vec<Sample>; 3],
}

impl Samples {
    /// None yet.
    pub fn begin(names: [&'static str; 3]) -> Self {
        Self { began: Instant::now(), names, of: Default::default() }
    }

    /// Measures a hub, where it answers.
    pub async fn take(&mut self, at: usize, hub: &NodeProcess<'_>) {
        let said = hub.ask(&["status"]).await;
        let (Some(pid), 0, Some(of)) = (hub.pid(), said.code, self.of.get_mut(at)) else { return };
        let handles = std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, Iterator::count);
        of.push(Sample {
            minutes: self.began.elapsed().as_secs_f64() / 60.0,
            entries: said.json()["entries"].as_f64().unwrap_or_default(),
            memory: memory(pid).own as f64,
            handles: handles as f64,
            // Files that records name are counted by their own quota, not by entries.
            disk: disk(&hub.below("")).saturating_sub(disk(&hub.below("artifacts"))) as f64,
        });
    }

    /// Prints the latest measurements.
    pub fn line(&self, load: &str) {
        let mut line = format!("{:6.1} min", self.began.elapsed().as_secs_f64() / 60.0);
        for (name, of) in self.names.iter().zip(&self.of) {
            let Some(s) = of.last() else { continue };
            let (memory, disk) = (mib(s.memory as u64), mib(s.disk as u64));
            line.push_str(&format!(
                "  {name} {} entries {memory} MiB {} handles {disk} MiB disk",
                s.entries, s.handles
            ));
        }
        println!("{line}  {load}");
    }

    /// Prints how each of them went; true where nothing grew that must not. Memory is judged of the hub that lives
    /// through all of it.
    pub fn judge(&self, spared: usize) -> bool {
        let mut flat = true;
        for (at, (name, of)) in self.names.iter().zip(&self.of).enumerate() {
            let Some(judged) = of.get(of.len() / WARMING..).filter(|j| j.len() > 2) else { continue };
            let (memory, handles) = (Line::of(judged, |s| s.memory), Line::of(judged, |s| s.handles));
            let entries = Line::of(judged, |s| s.entries);
            let each = Line::of(judged, |s| s.disk / s.entries.max(1.0));
            let allowed = memory.mean * MEMORY_SHARE + entries.grown.max(0.0) * MEMORY_AN_ENTRY;
            let memory_flat = at != spared || memory.grown <= allowed;
            let handles_flat = handles.grown.abs() <= HANDLES;
            let disk_flat = each.grown <= each.mean * DISK_SHARE;
            println!(
                "{name}: {} samples over {:.1} minutes, {:.0} entries more",
                judged.len(),
                memory.minutes,
                entries.grown
            );
            println!(
                "  memory   mean {} MiB, slope {:+.2} MiB an hour, {:+.2} MiB in all, allowed {:.2}{}",
                mib(memory.mean as u64),
                memory.an_hour() / 1_048_576.0,
                memory.grown / 1_048_576.0,
                allowed / 1_048_576.0,
                said(memory_flat)
            );
            println!(
                "  handles  mean {:.1}, slope {:+.2} an hour{}",
                handles.mean,
                handles.an_hour(),
                said(handles_flat)
            );
            println!(
                "  disk     mean {:.0} bytes an entry, slope {:+.0} bytes an entry an hour{}",
                each.mean,
                each.an_hour(),
                said(disk_flat)
            );
            flat &= memory_flat && handles_flat && disk_flat;
        }
        flat
    }
}

fn said(flat: bool) -> &'static str {
    if flat { "" } else { "  GROWS" }
}

/// The straight line that fits samples best.
struct Line {
    mean: f64,
    minutes: f64,
    /// From the first to the last of them.
    grown: f64,
}

impl Line {
    fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Self {
        let count = samples.len().max(1) as f64;
        let mean = samples.iter().map(&value).sum::<f64>() / count;
        let middle = samples.iter().map(|s| s.minutes).sum::<f64>() / count;
        let (mut with, mut square) = (0.0, 0.0);
        for sample in samples {
            let x = sample.minutes - middle;
            with += x * (value(sample) - mean);
            square += x * x;
        }
        let minutes = match (samples.first(), samples.last()) {
            (Some(first), Some(last)) => last.minutes - first.minutes,
            _ => 0.0,
        };
        let slope = if square > 0.0 { with / square } else { 0.0 };
        Self { mean, minutes, grown: slope * minutes }
    }

    fn an_hour(&self) -> f64 {
        if self.minutes > 0.0 { self.grown / self.minutes * 60.0 } else { 0.0 }
    }
}
