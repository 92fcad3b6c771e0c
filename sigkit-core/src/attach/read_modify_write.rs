//! A document that all signers of an image share, changed by one of them: read, merge, write, read back.
//!
//! Few registries make writes conditional, so a writer cannot exclude that another one, who read before it wrote, overwrites it
//! a moment later. Two rules close that window. A writer reads immediately before it writes, and starts over when too much time
//! passed in between. And having found its entry in place, it waits several times as long as its own reading and writing took,
//! longer when it saw others at work and where others may be far away, and looks again; what it saw and no longer sees, its own or
//! not, it puts back. What remains is a writer whose single request is under way for longer than that.
//!
//! This is the state machine alone: it is told what was observed and says what to do next. [`super::insert`] does it.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::Value;

use super::missing_entries::Gone;
use super::shared_document::{Document, Identity, identity, names};
use super::{AttachError, TagPrecheck};
use crate::digest::Digest;
use crate::oci::Descriptor;
use crate::store::{Precondition, StoreError, WriteConsistency};

/// Writes before giving up.
const MAX_WRITES: u32 = 40;
/// Longest wait before another look.
const MAX_CONFIRMATION_WAIT: Duration = Duration::from_secs(2);
/// Shortest wait when others were seen at work.
const MIN_CONTENDED_WAIT: Duration = Duration::from_millis(300);
/// Looks, all with everything in place and each at a new document, after which others' changes no longer keep a writer waiting.
const MAX_CONFIRMATION_READS: u32 = 20;
/// Writes that may be refused as conflicts, one after the other, while the tag stays where it is.
const MAX_CONFLICTS_WITHOUT_CHANGE: u32 = 8;
/// Writes that may be refused as conflicts, one after the other, while the tag stays where it is, before conditions are taken for what
/// is refused.
const MAX_CONDITIONAL_CONFLICTS: u32 = 4;
/// Writes that the place may refuse for the moment before that is an error.
const MAX_TRANSIENT_REFUSALS: u32 = 8;

/// An entry in its place.
#[derive(Debug)]
pub(super) struct Inserted {
    /// The document in which it was last seen.
    pub(super) document: Digest,
    /// What was said before anything was written.
    pub(super) tag_precheck: TagPrecheck,
    /// Entries that are gone, and were left out.
    pub(super) left_out: Vec<Digest>,
}

impl Inserted {
    pub(super) const fn new(document: Digest, tag_precheck: TagPrecheck) -> Self {
        Self { document, tag_precheck, left_out: Vec::new() }
    }
}

/// What came of the last action.
#[derive(Debug)]
pub(super) enum Observation {
    /// Nothing is to be reported: the beginning, or the end of a wait.
    Ready,
    /// The document as it is.
    Read(Document),
    /// It could not be read.
    ReadFailed(AttachError),
    /// The refusal to show the tag was judged.
    Prechecked(TagPrecheck),
    /// The document was written, so long after it began to be read.
    Written { document: Digest, took: Duration },
    /// The document changed before it was written.
    Stale,
    /// It was not written, or whether it was is not known.
    WriteFailed(AttachError),
    /// Of the suspects, these are not there.
    Missing(Vec<Digest>),
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Action {
    /// Read the document; a refusal means absence where that was confirmed.
    Read(TagPrecheck),
    /// Find out whether this refusal to show the tag means that it does not exist.
    Precheck(StoreError),
    /// Write the document with `missing` added, right after it was read.
    Write { document: Document, missing: Vec<Value>, expected: Precondition, refusal: TagPrecheck },
    /// Let time pass.
    Pause(Duration),
    /// Let time pass, push again what the own entry names, and look which of the suspects are not there.
    Repair { wait: Duration, suspects: Vec<Descriptor> },
    /// The entry is in its place.
    Done(Inserted),
    /// Nothing helps.
    Fail(AttachError),
    /// The entry, or those of others, cannot be kept in place: after so many attempts so many of others are missing; none means the own.
    GiveUp { lost: Option<usize>, attempts: u32 },
}

/// One writer's way to its entry in the document.
#[derive(Debug)]
pub(super) struct Writer {
    consistency: WriteConsistency,
    own: Identity,
    replaces: Vec<Digest>,
    /// Every entry ever seen.
    known: HashSet<Identity>,
    /// What must be in the document: the own entry, and those of others that were seen.
    wanted: Vec<Value>,
    tracker: ConflictTracker,
    attempts: u32,
    refusals: u32,
    /// Conflicts in a row while the tag stayed where it was.
    unmoved: u32,
    precheck: TagPrecheck,
    /// What the tag named as it was last read.
    read_as: Option<Digest>,
    /// What it named when a write was last refused as a conflict.
    refused: Option<Option<Digest>>,
    gone: Gone,
    removal: Removal,
}

impl Writer {
    /// A writer of `entry`, which takes the place of entries with the digests in `replaces`. What another writer puts back of those is
    /// left to it.
    pub(super) fn new(entry: Value, replaces: &[Digest], consistency: WriteConsistency) -> Self {
        let own = identity(&entry);
        Self {
            consistency,
            known: HashSet::from([own.clone()]),
            own,
            replaces: replaces.to_vec(),
            wanted: vec![entry],
            tracker: ConflictTracker::default(),
            attempts: 0,
            refusals: 0,
            unmoved: 0,
            precheck: TagPrecheck::Answered,
            read_as: None,
            refused: None,
            gone: Gone::default(),
            removal: Removal::Due,
        }
    }

    /// What to do after this; pure.
    pub(super) fn next(&mut self, observation: Observation) -> Action {
        match observation {
            Observation::Ready => self.read(),
            Observation::Prechecked(precheck) => {
                self.precheck = precheck;
                self.read()
            }
            Observation::ReadFailed(AttachError::Store(error @ StoreError::Denied { .. })) if self.attempts == 0 => {
                Action::Precheck(error)
            }
            Observation::ReadFailed(error) => Action::Fail(error),
            Observation::Read(document) => self.merge(document),
            Observation::Written { document, took } => {
                self.removal = Removal::Done;
                self.tracker.wrote(document, took);
                self.read()
            }
            Observation::Stale => self.conflict(),
            Observation::WriteFailed(error) => self.write_failed(error),
            Observation::Missing(missing) => {
                self.gone.record(missing);
                self.read()
            }
        }
    }

    fn read(&self) -> Action {
        Action::Read(self.refusal())
    }

    /// A refusal to show the tag counts as nothing there only until this writer has written.
    const fn refusal(&self) -> TagPrecheck {
        if self.attempts == 0 { self.precheck } else { TagPrecheck::Answered }
    }

    fn is_replaced(&self, entry: &Value) -> bool {
        identity(entry) != self.own && self.replaces.iter().any(|digest| names(entry, digest))
    }

    /// Decides what the document lacks.
    fn merge(&mut self, mut document: Document) -> Action {
        self.read_as = document.read_as;
        self.tracker.see(document.read_as);
        document.entries.retain(|entry| !self.gone.has(entry));
        self.wanted.retain(|entry| !self.gone.has(entry));
        let present: HashSet<Identity> = document.entries.iter().map(identity).collect();
        for seen in &document.entries {
            if !self.is_replaced(seen) && self.known.insert(identity(seen)) {
                self.wanted.push(seen.clone());
            }
        }
        let missing: Vec<Value> =
            self.wanted.iter().filter(|entry| !present.contains(&identity(entry))).cloned().collect();
        let outdated = self.attempts == 0 && document.entries.iter().any(|entry| self.is_replaced(entry));
        if let (true, false, Some(digest)) = (missing.is_empty(), outdated, document.read_as) {
            return self.in_place(digest);
        }
        if self.attempts == MAX_WRITES {
            let lost = missing.iter().filter(|entry| identity(entry) != self.own).count();
            return Action::GiveUp { lost: (lost == missing.len()).then_some(lost), attempts: self.attempts };
        }
        let refusal = self.refusal();
        if self.attempts > 0 {
            self.tracker.notice_others();
        }
        self.attempts = self.attempts.saturating_add(1);
        // What comes back after it has been removed is left to the writer that put it back: two writers that replace each other would not
        // end.
        if self.removal == Removal::Due {
            document.entries.retain(|entry| !self.is_replaced(entry));
        }
        Action::Write { expected: self.expected(), document, missing, refusal }
    }

    /// Everything is in place; perhaps another writer is about to change that.
    fn in_place(&mut self, document: Digest) -> Action {
        match self.consistency {
            WriteConsistency::Eventual { visibility_delay } if !self.tracker.is_settled() => {
                Action::Pause(self.tracker.settle(visibility_delay))
            }
            WriteConsistency::Eventual { .. } | WriteConsistency::Exact => {
                let left_out = self.gone.take_found();
                Action::Done(Inserted { document, tag_precheck: self.precheck, left_out })
            }
        }
    }

    /// A condition that was refused while nothing had changed is one that this place does not keep.
    const fn expected(&self) -> Precondition {
        match (self.consistency, self.read_as) {
            (WriteConsistency::Eventual { .. }, _) if self.unmoved >= MAX_CONDITIONAL_CONFLICTS => Precondition::Any,
            (_, Some(read)) => Precondition::Unchanged(read),
            (_, None) => Precondition::Absent,
        }
    }

    fn conflict(&mut self) -> Action {
        self.unmoved = if self.refused == Some(self.read_as) { self.unmoved.saturating_add(1) } else { 0 };
        self.refused = Some(self.read_as);
        self.tracker.notice_others();
        Action::Pause(jitter(&self.own, self.attempts))
    }

    /// Longer with every refusal.
    fn refusal_wait(&mut self) -> Duration {
        self.refusals = self.refusals.saturating_add(1);
        self.tracker.notice_others();
        MIN_CONTENDED_WAIT.saturating_mul(self.refusals).saturating_add(jitter(&self.own, self.attempts))
    }

    fn write_failed(&mut self, error: AttachError) -> Action {
        match error {
            // No other writer is seen, and yet it is a conflict: in its own words, this place does not let tags move.
            AttachError::Store(StoreError::Conflict { place })
                if self.unmoved == MAX_CONFLICTS_WITHOUT_CHANGE && self.read_as.is_some() =>
            {
                let detail = format!(
                    "{} consecutive writes were rejected as conflicts although the tag did not change",
                    self.unmoved
                );
                Action::Fail(StoreError::Immutable { place, detail }.into())
            }
            AttachError::Store(StoreError::Conflict { .. }) => self.conflict(),
            // Throttled, or cut off: whether it was written is seen by looking. The same bytes must not be sent again, since
            // others may have written meanwhile.
            AttachError::Store(StoreError::Unavailable { .. }) if self.refusals < MAX_TRANSIENT_REFUSALS => {
                Action::Pause(self.refusal_wait())
            }
            // In a race some places say so of what they have; others say so of an entry that is gone.
            AttachError::Store(StoreError::Lacks { .. }) if self.refusals < MAX_TRANSIENT_REFUSALS => {
                let wait = self.refusal_wait();
                let others = self.wanted.iter().filter(|entry| identity(entry) != self.own);
                let suspects = others.filter_map(|entry| serde_json::from_value::<Descriptor>(entry.clone()).ok());
                let suspects = suspects.filter(|entry| self.gone.suspects(&entry.digest)).collect();
                Action::Repair { wait, suspects }
            }
            error => Action::Fail(error),
        }
    }
}

/// Whether what is replaced has been removed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Removal {
    Due,
    Done,
}

/// What a writer has noticed of others, and how long it must look until nothing more can happen to its entry.
#[derive(Debug, Default)]
struct ConflictTracker {
    /// The document as it was last read or written.
    last: Option<Digest>,
    /// The longest that reading and writing took.
    slowest: Duration,
    others: OtherWriters,
    /// Waits since the document last changed.
    quiet: u32,
    /// Looks in a row with everything in place.
    looks: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum OtherWriters {
    #[default]
    NotSeen,
    Seen,
}

impl ConflictTracker {
    /// The document was read.
    fn see(&mut self, document: Option<Digest>) {
        if self.last.is_some() && self.last != document {
            self.others = OtherWriters::Seen;
            self.quiet = 0;
        }
        self.last = document.or(self.last);
    }

    /// The document was written.
    fn wrote(&mut self, document: Digest, took: Duration) {
        self.last = Some(document);
        self.slowest = self.slowest.max(took);
        self.quiet = 0;
        self.looks = 0;
    }

    fn notice_others(&mut self) {
        self.others = OtherWriters::Seen;
        self.quiet = 0;
        self.looks = 0;
    }

    /// How long to wait before looking again.
    fn settle(&mut self, shortest: Duration) -> Duration {
        self.quiet = self.quiet.saturating_add(1);
        self.looks = self.looks.saturating_add(1);
        let floor = match self.others {
            OtherWriters::NotSeen => shortest,
            OtherWriters::Seen => shortest.max(MIN_CONTENDED_WAIT),
        };
        self.slowest.saturating_mul(3).clamp(floor, MAX_CONFIRMATION_WAIT)
    }

    /// Returns true if nothing changed while waiting with everything in place. Where others never rest, looking ends as well, after
    /// [`MAX_CONFIRMATION_READS`] that all found everything in place.
    const fn is_settled(&self) -> bool {
        self.quiet > 0 || self.looks >= MAX_CONFIRMATION_READS
    }
}

/// A wait that differs between writers: up to 64 ms, growing with the attempts.
fn jitter(own: &Identity, attempt: u32) -> Duration {
    let hash = Digest::sha256(format!("{}{}{attempt}", own.digest, own.signature).as_bytes());
    let spread = hash.as_bytes().first().copied().map_or(0, u64::from) >> 2;
    Duration::from_millis(spread.saturating_mul(u64::from(attempt.min(8))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::shared_document::Kind;
    use super::*;
    use crate::json::JsonError;

    /// Longest time that a request takes each way.
    const LATENCY: u64 = 10;
    const EVENTUAL: WriteConsistency = WriteConsistency::Eventual { visibility_delay: Duration::from_millis(40) };

    fn entry(number: u64) -> Value {
        json!({"mediaType": "a/b", "size": 1, "digest": Digest::sha256(&number.to_le_bytes()).to_string()})
    }

    fn document(entries: &[Value]) -> Document {
        let mut document = Kind::ReferrersIndex.blank();
        document.entries = entries.to_vec();
        document.read_as = (!entries.is_empty()).then(|| digest(entries));
        document
    }

    fn digest(entries: &[Value]) -> Digest {
        Digest::sha256(&serde_json::to_vec(entries).unwrap())
    }

    fn place() -> String {
        "here".to_owned()
    }

    fn conflict() -> Observation {
        Observation::WriteFailed(StoreError::Conflict { place: place() }.into())
    }

    fn unavailable() -> Observation {
        Observation::WriteFailed(StoreError::Unavailable { place: place(), detail: String::new() }.into())
    }

    fn lacks() -> Observation {
        Observation::WriteFailed(StoreError::Lacks { place: place(), detail: String::new() }.into())
    }

    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % bound
        }
    }

    /// One writer, and what it waits for.
    struct Client {
        writer: Writer,
        at: u64,
        step: Step,
    }

    enum Step {
        Tell(Observation),
        Read,
        Write(Vec<Value>, Precondition),
        Ended(Action),
    }

    /// Lets writers of one document run side by side, and returns how each ended, with the document after that.
    fn run(seed: u64, writers: u64, consistency: WriteConsistency, faults: u64) -> (Vec<Action>, Vec<Value>) {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut stored: Vec<Value> = Vec::new();
        let client = |number| Client {
            writer: Writer::new(entry(number), &[], consistency),
            at: 0,
            step: Step::Tell(Observation::Ready),
        };
        let mut clients: Vec<Client> = (0..writers).map(client).collect();
        while let Some(client) =
            clients.iter_mut().filter(|client| !matches!(client.step, Step::Ended(_))).min_by_key(|client| client.at)
        {
            let travel = random.below(LATENCY);
            let step = std::mem::replace(&mut client.step, Step::Read);
            client.step = match step {
                Step::Read => Step::Tell(Observation::Read(document(&stored))),
                Step::Write(entries, expected) => {
                    let current = (!stored.is_empty()).then(|| digest(&stored));
                    let fault = if random.below(100) < faults { random.below(4) } else { 9 };
                    let met = match expected {
                        _ if consistency != WriteConsistency::Exact => true,
                        Precondition::Any => true,
                        Precondition::Absent => current.is_none(),
                        Precondition::Unchanged(read) => current == Some(read),
                    };
                    let is_written = met && matches!(fault, 2 | 9);
                    if is_written {
                        stored.clone_from(&entries);
                    }
                    Step::Tell(match fault {
                        0 => conflict(),
                        1 | 2 => unavailable(),
                        3 => Observation::Stale,
                        _ if !met => conflict(),
                        _ => Observation::Written { document: digest(&entries), took: Duration::from_millis(30) },
                    })
                }
                Step::Tell(observation) => match client.writer.next(observation) {
                    Action::Read(_) => Step::Read,
                    Action::Write { document, missing, expected, .. } => {
                        Step::Write([document.entries, missing].concat(), expected)
                    }
                    Action::Pause(time) => {
                        client.at += u64::try_from(time.as_millis()).unwrap();
                        Step::Tell(Observation::Ready)
                    }
                    ended => Step::Ended(ended),
                },
                ended @ Step::Ended(_) => ended,
            };
            client.at += travel;
        }
        let ended = clients.into_iter().map(|client| match client.step {
            Step::Ended(action) => action,
            _ => unreachable!(),
        });
        (ended.collect(), stored)
    }

    // threat: M7 H01
    #[test]
    fn writers_that_end_well_have_lost_no_entry() {
        for seed in 0..300 {
            for consistency in [WriteConsistency::Exact, EVENTUAL] {
                for faults in [0, 20] {
                    let writers = 2 + seed % 7;
                    let (ended, stored) = run(seed, writers, consistency, faults);
                    for (number, end) in (0..).zip(&ended) {
                        let is_there = stored.iter().filter(|other| **other == entry(number)).count();
                        match end {
                            Action::Done(_) => assert_eq!(is_there, 1, "{seed} {consistency:?} {faults} {number}"),
                            other => assert!(faults > 0, "{seed} {consistency:?}: {other:?}"),
                        }
                    }
                }
            }
        }
    }

    /// Tells a writer the same of every write and look, until it ends.
    fn end(writer: &mut Writer, stored: &[Value], write: impl Fn() -> Observation, missing: &[Digest]) -> Action {
        let mut observation = Observation::Ready;
        for _ in 0..5000 {
            observation = match writer.next(observation) {
                Action::Read(_) => Observation::Read(document(stored)),
                Action::Write { missing, document, .. } if missing.is_empty() || document.entries.is_empty() => {
                    let written = [document.entries, missing].concat();
                    match write() {
                        Observation::Ready => Observation::Written { document: digest(&written), took: Duration::ZERO },
                        failed => failed,
                    }
                }
                Action::Write { .. } => write(),
                Action::Pause(_) => Observation::Ready,
                Action::Repair { suspects, .. } => {
                    let missing = missing.iter().filter(|gone| suspects.iter().any(|entry| entry.digest == **gone));
                    Observation::Missing(missing.copied().collect())
                }
                ended => return ended,
            };
        }
        panic!("never ends")
    }

    // threat: M7 H01
    #[test]
    fn writer_whose_entry_never_shows_gives_up() {
        for consistency in [WriteConsistency::Exact, EVENTUAL] {
            let mut writer = Writer::new(entry(1), &[], consistency);
            let ended = end(&mut writer, &[], || Observation::Ready, &[]);
            assert!(matches!(ended, Action::GiveUp { lost: None, attempts: MAX_WRITES }), "{ended:?}");
        }
    }

    // threat: M7 H01
    #[test]
    fn writer_that_cannot_restore_others_says_so() {
        let mut writer = Writer::new(entry(1), &[], WriteConsistency::Exact);
        let others = [entry(2), entry(3)];
        assert!(matches!(writer.next(Observation::Ready), Action::Read(TagPrecheck::Answered)));
        assert!(matches!(writer.next(Observation::Read(document(&others))), Action::Write { .. }));
        let ended = end(&mut writer, &[entry(1)], || Observation::Ready, &[]);
        assert!(matches!(ended, Action::GiveUp { lost: Some(2), attempts: MAX_WRITES }), "{ended:?}");
    }

    #[test]
    fn conflicts_without_change_mean_an_immutable_tag() {
        for consistency in [WriteConsistency::Exact, EVENTUAL] {
            let mut writer = Writer::new(entry(1), &[], consistency);
            let ended = end(&mut writer, &[entry(2)], conflict, &[]);
            let Action::Fail(error) = ended else { panic!("{ended:?}") };
            assert_eq!(error.code(), "tag-immutable");
            assert_eq!(writer.expected() == Precondition::Any, consistency != WriteConsistency::Exact);
        }
    }

    #[test]
    fn refusals_for_the_moment_are_bounded() {
        for (refuse, code) in [(unavailable as fn() -> _, "store-unavailable"), (lacks, "store-lacks")] {
            let mut writer = Writer::new(entry(1), &[], EVENTUAL);
            let ended = end(&mut writer, &[entry(2)], refuse, &[]);
            let Action::Fail(error) = ended else { panic!("{ended:?}") };
            assert_eq!((error.code(), writer.refusals), (code, MAX_TRANSIENT_REFUSALS));
        }
    }

    #[test]
    fn gone_entry_is_left_out_after_three_looks_that_miss_it() {
        let dead: Descriptor = serde_json::from_value(entry(2)).unwrap();
        let stored = [entry(2), entry(3)];
        for (looks, expected) in [(2, None), (3, Some(vec![dead.digest]))] {
            let mut writer = Writer::new(entry(1), &[], WriteConsistency::Exact);
            let mut observation = Observation::Ready;
            let mut repairs = 0;
            let left_out = loop {
                observation = match writer.next(observation) {
                    Action::Read(_) => Observation::Read(document(&stored)),
                    Action::Write { document, .. } if repairs == looks => {
                        break (document.entries == [entry(3)]).then(|| writer.gone.take_found());
                    }
                    Action::Write { .. } => lacks(),
                    Action::Repair { suspects, .. } => {
                        repairs += 1;
                        assert_eq!(suspects.len(), if repairs == 1 { 2 } else { 1 });
                        Observation::Missing(vec![dead.digest])
                    }
                    Action::Pause(_) => Observation::Ready,
                    other => panic!("{other:?}"),
                };
            };
            assert_eq!(left_out, expected, "{looks}");
        }
    }

    #[test]
    fn refusal_to_read_is_judged_only_before_the_first_write() {
        let denied = || Observation::ReadFailed(StoreError::Denied { place: place(), detail: String::new() }.into());
        let mut writer = Writer::new(entry(1), &[], WriteConsistency::Exact);
        assert!(matches!(writer.next(Observation::Ready), Action::Read(TagPrecheck::Answered)));
        assert!(matches!(writer.next(denied()), Action::Precheck(StoreError::Denied { .. })));
        assert!(matches!(
            writer.next(Observation::Prechecked(TagPrecheck::Refused)),
            Action::Read(TagPrecheck::Refused)
        ));
        let Action::Write { refusal, expected, .. } = writer.next(Observation::Read(document(&[]))) else { panic!() };
        assert_eq!((refusal, expected), (TagPrecheck::Refused, Precondition::Absent));
        let document = digest(&[entry(1)]);
        let next = writer.next(Observation::Written { document, took: Duration::ZERO });
        assert!(matches!(next, Action::Read(TagPrecheck::Answered)));
        assert!(matches!(writer.next(denied()), Action::Fail(AttachError::Store(StoreError::Denied { .. }))));
        // What fails otherwise is not tried again.
        let other = AttachError::Json(JsonError::from(serde_json::from_str::<u8>("x").unwrap_err()));
        assert!(matches!(writer.next(Observation::ReadFailed(other)), Action::Fail(AttachError::Json(_))));
    }
}
