//! What may be read and kept for one image, in bytes: one room for everything, whatever is looked for and in whatever place.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use crate::limits::Limits;

/// The bytes in transit at once of things that are no larger than signatures.
const IN_FLIGHT: u64 = 8 << 20;

/// Room that work on one task shares, for what is on its way and for what is kept.
#[derive(Debug)]
pub(crate) struct Room {
    size: u64,
    /// The largest thing that may have it alone where it does not fit.
    alone: u64,
    state: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Of small things on their way.
    small: u64,
    /// Of large ones.
    large: u64,
    kept: u64,
    waiting: Vec<Waker>,
}

/// A share of a [`Room`], given back when dropped, except what is kept.
#[derive(Debug)]
pub(super) struct Share<'a> {
    room: &'a Room,
    bytes: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Small,
    Large,
}

/// So much more than is left was asked for.
#[derive(Debug)]
pub(super) struct Full;

impl Room {
    /// The room for one image.
    pub(crate) fn new(limits: &Limits) -> Self {
        let size = limits.attachments_total_bytes.max(limits.signatures_total_bytes).max(IN_FLIGHT);
        Self::of(size, limits.attachment_bytes)
    }

    fn of(size: u64, alone: u64) -> Self {
        Self { size, alone, state: Mutex::default() }
    }

    /// Waits for room for something small. One such thing is read at a time however full the room is.
    pub(super) async fn take(&self, bytes: u64) -> Share<'_> {
        let of_others = IN_FLIGHT.min(self.size);
        poll_fn(|context| {
            let mut taken = self.state();
            let after = taken.small.saturating_add(bytes);
            let all = after.saturating_add(taken.large).saturating_add(taken.kept);
            if taken.small > 0 && (after > of_others || all > self.size) {
                taken.waiting.push(context.waker().clone());
                return Poll::Pending;
            }
            taken.small = after;
            Poll::Ready(())
        })
        .await;
        Share { room: self, bytes, kind: Kind::Small }
    }

    /// Waits for room for something large, as long as anything on its way may still give some back. One that is larger than the room
    /// has it alone, beside what is small.
    pub(super) async fn reserve(&self, bytes: u64) -> Result<Share<'_>, Full> {
        poll_fn(|context| {
            let mut taken = self.state();
            let after = taken.large.saturating_add(bytes);
            let quiet = taken.large == 0 && taken.small == 0;
            let alone = quiet && is_alone(bytes, self.size, self.alone, taken.kept);
            if alone || after.saturating_add(taken.small).saturating_add(taken.kept) <= self.size {
                taken.large = after;
                return Poll::Ready(Ok(()));
            }
            if quiet {
                return Poll::Ready(Err(Full));
            }
            taken.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await
        .map(|()| Share { room: self, bytes, kind: Kind::Large })
    }

    fn state(&self) -> MutexGuard<'_, Taken> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share<'_> {
    /// Keeps so much of it, and gives the rest back.
    pub(super) fn keep(self, bytes: u64) {
        let mut taken = self.room.state();
        taken.kept = taken.kept.saturating_add(bytes);
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut taken = self.room.state();
        match self.kind {
            Kind::Small => taken.small = taken.small.saturating_sub(self.bytes),
            Kind::Large => taken.large = taken.large.saturating_sub(self.bytes),
        }
        taken.waiting.drain(..).for_each(Waker::wake);
    }
}

/// Returns true if something is larger than all may be, of at most `alone` bytes, and what is kept beside it is small.
fn is_alone(bytes: u64, all: u64, alone: u64, kept: u64) -> bool {
    bytes > all && bytes <= alone && kept <= IN_FLIGHT.min(all / 2)
}

/// What may still be read of one kind for one image, whatever the number of places it is read from.
pub(super) struct Budget {
    left: Mutex<(usize, u64)>,
    limits: (usize, u64),
    alone: u64,
    noun: &'static str,
}

impl Budget {
    /// `alone` is the largest thing that may have all bytes alone where it does not fit.
    pub(super) fn new(things: usize, bytes: u64, alone: u64, noun: &'static str) -> Self {
        let limits = (things, bytes);
        Self { left: Mutex::new(limits), limits, alone, noun }
    }

    /// Takes all of it or nothing; the error is the limit that would be exceeded. What is larger than all may be is allowed alone, beside
    /// what is small.
    pub(super) fn take(&self, things: usize, bytes: u64) -> Result<(), String> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let things_left = left.0.checked_sub(things);
        let things_left = things_left.ok_or_else(|| format!("{} {} of one image", self.limits.0, self.noun))?;
        let alone = is_alone(bytes, self.limits.1, self.alone, self.limits.1.saturating_sub(left.1));
        let bytes_left = left.1.checked_sub(bytes).or(alone.then_some(0)).ok_or_else(|| self.all_together())?;
        *left = (things_left, bytes_left);
        Ok(())
    }

    /// The limit on bytes, in words.
    pub(super) fn all_together(&self) -> String {
        format!("{} bytes for all {} together", self.limits.1, self.noun)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::super::concurrent::gather;
    use super::super::concurrent::tests::{after, run};
    use super::*;

    // threat: R32
    #[test]
    fn room_is_shared_and_given_back() {
        let room = Room::of(10, 0);
        let (held, most) = (Cell::new(0_u64), Cell::new(0_u64));
        let work = |bytes: u64| {
            let (room, held, most) = (&room, &held, &most);
            async move {
                let share = room.take(bytes).await;
                held.set(held.get() + bytes);
                most.set(most.get().max(held.get()));
                after(2).await;
                held.set(held.get() - bytes);
                drop(share);
            }
        };
        run(gather((0..40).map(|number| work(number % 7)).collect()));
        assert!(most.get() <= 10 && most.get() > 6, "{}", most.get());
        // What needs more than there is has it alone.
        most.set(0);
        run(gather([3, 50, 4].map(work).into_iter().collect()));
        assert_eq!(most.get(), 50);
    }

    // threat: R32
    #[test]
    fn large_things_fit_beside_what_is_kept_or_are_told() {
        let room = Room::of(10, 0);
        let (held, most, kept) = (Cell::new(0_u64), Cell::new(0_u64), RefCell::new(Vec::new()));
        let work = |(bytes, keeps): (u64, u64)| {
            let (room, held, most, kept) = (&room, &held, &most, &kept);
            async move {
                let Ok(share) = room.reserve(bytes).await else { return };
                held.set(held.get() + bytes);
                most.set(most.get().max(held.get()));
                after(2).await;
                held.set(held.get() - bytes + keeps);
                share.keep(keeps);
                kept.borrow_mut().push((bytes, keeps));
            }
        };
        // All but the last fit, each beside what is left of those before it, and what is larger than the room finds too much kept.
        run(gather([(4, 3), (6, 0), (5, 3), (3, 0), (11, 0), (3, 3), (4, 0)].map(work).into_iter().collect()));
        assert!(most.get() <= 10, "{}", most.get());
        let mut kept = kept.into_inner();
        kept.sort_unstable();
        assert_eq!(kept.iter().map(|(_, keeps)| keeps).sum::<u64>(), 9, "{kept:?}");
        assert!(!kept.contains(&(11, 0)) && run(room.reserve(2)).0.is_err() && run(room.reserve(1)).0.is_ok());
        // Small things are read beside it all the same, one at a time.
        assert_eq!(run(room.take(7)).0.bytes, 7);
    }

    // threat: R32
    #[test]
    fn one_item_over_the_whole_budget_is_admitted_alone() {
        let (room, budget) = (Room::of(10, 25), Budget::new(9, 10, 25, "attestations"));
        run(room.take(2)).0.keep(2);
        budget.take(1, 2).unwrap();
        assert!(run(room.reserve(26)).0.is_err() && budget.take(1, 26).is_err());
        run(room.reserve(25)).0.unwrap().keep(25);
        budget.take(1, 25).unwrap();
        assert!(run(room.reserve(11)).0.is_err() && run(room.reserve(1)).0.is_err());
        assert!(budget.take(1, 11).is_err() && budget.take(1, 1).is_err() && budget.take(1, 0).is_ok());
    }
}
