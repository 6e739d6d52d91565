//! *Any interleaving*: whatever two hubs on one store are made to do, in whatever order and at once, their answers, the
//! ledger and `current` are those of a simple model in memory.
//!
//! A failing run prints its seed and shrinks to the fewest steps. `DINH_TEST_ROUNDS=2000 cargo test -p dinh-lake --lib model`
//! tries so many interleavings.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::books::{Figure, Id, figures, held, id_of};
use super::chance::{Chance, rounds};
use super::weather::Weather;
use super::*;
use crate::ledger::merge::FRESH_FILES;
use crate::submission::{Numbering, OutOfTurn};

const HUBS: usize = 2;
/// Interleavings of the short run.
const CASES: usize = 10;

/// A submission that is sent.
#[derive(Clone, Debug)]
enum Push {
    /// By its feed, its id, and which of some contents it has.
    Plain(u8, u8, u8),
    /// One that a producer numbers, rightly or not.
    Numbered {
        /// How many epochs it is beyond the producer's present one.
        epochs: i64,
        /// How many numbers it is beyond the one that comes next.
        numbers: i64,
        /// Which of two programs sends it, that take each other's numbers.
        program: u8,
    },
}

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Push {
        hub: usize,
        group: Vec<Push>,
    },
    /// Both hubs push at once, and chance decides who comes first at each call of the store.
    Race {
        groups: [Vec<Push>; HUBS],
        schedule: u64,
    },
    /// So many small pushes that a merge is due, and the merge.
    Merge(usize),
    Checkpoint(usize),
    /// All that may be deleted once its retention is over: old entries of the log, removed files, files without a name.
    Clean(usize),
    Follow(usize),
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let push = || {
        prop_oneof![
            2 => (0_u8..2, 0_u8..10, 0_u8..3)
                .prop_map(|(feed, id, content)| Push::Plain(feed, id, content)),
            1 => (prop_oneof![1 => -1_i64..2, 3 => Just(0)], -1_i64..3, 0_u8..2)
                .prop_map(|(epochs, numbers, program)| Push::Numbered { epochs, numbers, program }),
        ]
    };
    let group = || prop::collection::vec(push(), 1..5);
    let hub = || 0..HUBS;
    let step = prop_oneof![
        8 => (hub(), group()).prop_map(|(hub, group)| Step::Push { hub, group }),
        8 => (group(), group(), any::<u64>())
            .prop_map(|(one, two, schedule)| Step::Race { groups: [one, two], schedule }),
        2 => hub().prop_map(Step::Merge),
        1 => hub().prop_map(Step::Checkpoint),
        2 => hub().prop_map(Step::Clean),
        1 => hub().prop_map(Step::Follow),
        2 => hub().prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..16)
}

/// A submission of revisions and withdrawals of a few cells.
fn plain(feed: u8, id: u8, content: u8) -> Submission {
    let cells = (0..=id % 3).map(|n| -> Figure {
        let unit = u32::from((id + n * 2 + content) % 5);
        let value = i64::from(id) * 10 + i64::from(content);
        (unit, (value % 4 != 3).then_some(value))
    });
    // A key may appear once in a submission.
    let cells: BTreeMap<_, _> = cells.collect();
    let cells: Vec<_> = cells.into_iter().collect();
    figures(&format!("feed{feed}"), &id.to_string(), &cells)
}

fn numbered(epoch: u64, sequence: u64, program: u8) -> Submission {
    let numbering = Some(Numbering { producer: "agent".into(), epoch, sequence });
    let value = i64::try_from(sequence).unwrap() * 10 + i64::from(program);
    let id = format!("{epoch}-{sequence}-{program}");
    Submission { numbering, ..figures("line", &id, &[(8, Some(value))]) }
}

/// What a group is on the wire: numbers count from how far the producer has come.
fn submissions(group: &[Push], reached: Reached) -> Vec<Submission> {
    let submission = |push: &Push| match *push {
        Push::Plain(feed, id, content) => plain(feed, id, content),
        Push::Numbered { epochs, numbers, program } => {
            let (epoch, last) = reached.unwrap_or_default();
            let next = if epochs == 0 { last + 1 } else { 1 };
            let epoch = epoch.saturating_add_signed(epochs);
            numbered(epoch, next.saturating_add_signed(numbers).max(1), program)
        }
    };
    group.iter().map(submission).collect()
}

/// What the ledger should be: who was first with an id, and the newest figure of each cell.
#[derive(Default)]
struct Model {
    answers: BTreeMap<Id, Answer>,
    current: BTreeMap<(String, u32), i64>,
    stamp: i64,
    position: u64,
    reached: Reached,
}

/// Epoch and sequence of the last number taken, once there was one.
type Reached = Option<(u64, u64)>;

/// Why a submission is out of its turn, if it is.
fn turn(reached: Reached, sent: &Submission) -> Option<OutOfTurn> {
    let Numbering { epoch, sequence, .. } = *sent.numbering.as_ref()?;
    let (now, last) = reached.unwrap_or_default();
    if epoch < now {
        return Some(OutOfTurn::Fenced { epoch: now });
    }
    let expected = if epoch == now { last + 1 } else { 1 };
    match sequence.cmp(&expected) {
        Ordering::Less => Some(OutOfTurn::Used { expected }),
        Ordering::Equal => None,
        Ordering::Greater => Some(OutOfTurn::Gap { expected }),
    }
}

impl Model {
    /// Holds the outcome of a push against what should come of it.
    fn told(&mut self, sent: &Submission, outcome: &Outcome) {
        let id = id_of(sent);
        match (self.answers.get(&id), outcome) {
            (None, Outcome::Recorded(answer)) => {
                assert_eq!(turn(self.reached, sent), None, "{id:?}");
                self.take(sent, answer);
            }
            (None, Outcome::OutOfTurn(refused)) => {
                assert_eq!(turn(self.reached, sent), Some(*refused), "{id:?}");
            }
            (Some(first), Outcome::Repeated(answer)) => {
                assert_eq!((first, &first.digest), (answer, &sent.digest), "{id:?}");
            }
            (Some(first), Outcome::Conflict { recorded_digest }) => {
                assert_eq!(&first.digest, recorded_digest, "{id:?}");
                assert_ne!(first.digest, sent.digest, "{id:?} is the same");
            }
            (first, outcome) => panic!("{id:?} has {first:?} and got {outcome:?}"),
        }
    }

    /// Holds the outcomes of groups that were pushed at once against an order in which they may have come.
    fn told_of_race(&mut self, groups: &[Vec<(Submission, Outcome)>]) {
        let stamp = |outcome: &Outcome| match outcome {
            Outcome::Recorded(answer) => Some(answer.recorded_at.timestamp_micros()),
            _ => None,
        };
        let mut recorded: Vec<_> = groups.iter().flatten().collect();
        recorded.retain(|(_, outcome)| stamp(outcome).is_some());
        recorded.sort_by_key(|(_, outcome)| stamp(outcome));
        // How far the producer had come when a stamp had been given out.
        let mut line = vec![(i64::MIN, self.reached)];
        for (sent, outcome) in recorded {
            self.told(sent, outcome);
            line.push((self.stamp, self.reached));
        }
        for group in groups {
            let mut own = i64::MIN;
            for (sent, outcome) in group {
                own = stamp(outcome).filter(|_| sent.numbering.is_some()).unwrap_or(own);
                match outcome {
                    Outcome::Recorded(_) => {}
                    Outcome::OutOfTurn(refused) => {
                        let mut moments = line.iter().filter(|(stamp, _)| *stamp >= own);
                        let at =
                            |(_, reached): &(i64, Reached)| turn(*reached, sent) == Some(*refused);
                        assert!(
                            moments.any(at),
                            "{:?} {refused:?} never was: {line:?}",
                            id_of(sent)
                        );
                    }
                    outcome => self.told(sent, outcome),
                }
            }
        }
    }

    fn take(&mut self, sent: &Submission, answer: &Answer) {
        let number = sent.numbering.as_ref().map(|number| (number.epoch, number.sequence));
        self.reached = number.or(self.reached);
        let stamp = answer.recorded_at.timestamp_micros();
        assert!(stamp > self.stamp, "stamps increase");
        assert!(answer.position >= self.position, "positions do not decrease");
        (self.stamp, self.position) = (stamp, answer.position);
        for (_, unit, value) in books::figures_of(sent) {
            let cell = (sent.feed.clone(), unit);
            match value {
                Some(value) => self.current.insert(cell, value),
                None => self.current.remove(&cell),
            };
        }
        self.answers.insert(id_of(sent), answer.clone());
    }

    /// Holds a ledger against the model.
    async fn hold(&self, ledger: &Ledger) {
        assert_eq!(ledger.check().await.unwrap().findings, []);
        let held = held(ledger).await;
        let mut newest: BTreeMap<(String, u32), (i64, Option<i64>)> = BTreeMap::new();
        for ((feed, id), held) in &held {
            let answer = &self.answers[&(feed.clone(), id.clone())];
            let stamp = answer.recorded_at.timestamp_micros();
            assert_eq!(held.entries, [(i64::try_from(answer.position).unwrap(), stamp)]);
            for (_, unit, value) in &held.figures {
                let cell = newest.entry((feed.clone(), *unit)).or_insert((stamp, *value));
                if cell.0 < stamp {
                    *cell = (stamp, *value);
                }
            }
        }
        assert_eq!(held.len(), self.answers.len(), "all that was recorded is there");
        let current = newest.into_iter().filter_map(|(cell, (_, value))| Some((cell, value?)));
        assert_eq!(current.collect::<BTreeMap<_, _>>(), self.current);
        for ((feed, id), answer) in &self.answers {
            assert_eq!(ledger.find(feed, id).await.unwrap().as_ref(), Some(answer));
        }
    }
}

/// Two hubs on one store, each by its own way to it.
struct World {
    stores: [Arc<Weather>; HUBS],
    hubs: [Ledger; HUBS],
    model: Model,
    /// Ids of the pushes that only make a merge due.
    filler: u32,
    /// The hubs that have not looked at the log since another one cleaned it.
    slept: [bool; HUBS],
}

/// A hub whose clock stands still, and the second one's an hour behind: order must not rest on clocks.
async fn hub(store: &Arc<Weather>, number: usize) -> Ledger {
    let root: Arc<dyn ObjectStore> = Arc::<Weather>::clone(store);
    let place = Place::at(root, Url::parse("memory:///ledger/").unwrap());
    let hours = i64::try_from(HUBS - number).unwrap();
    let clock = Clock::from_fn(move || {
        chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::hours(500_000 + hours)
    });
    Ledger::open(place, clock, 1 << 20, LakeMetrics::default()).await.unwrap()
}

impl World {
    async fn new() -> Self {
        let store = memory();
        let stores = [Weather::over(Arc::clone(&store)), Weather::over(store)];
        let hubs = [hub(&stores[0], 0).await, hub(&stores[1], 1).await];
        let (model, slept) = (Model::default(), [false; HUBS]);
        Self { stores, hubs, model, filler: 0, slept }
    }

    /// What comes of a group that a hub pushes.
    async fn append(&self, hub: usize, group: Vec<Submission>) -> Vec<(Submission, Outcome)> {
        let ledger = &self.hubs[hub];
        let outcomes = match ledger.append(group.clone()).await {
            // Files that it knows were deleted: it records nothing before it has read the ledger anew.
            Err(_) if self.slept[hub] => {
                ledger.follow().await.unwrap();
                ledger.append(group.clone()).await.unwrap()
            }
            outcomes => outcomes.unwrap(),
        };
        assert_eq!(outcomes.len(), group.len());
        group.into_iter().zip(outcomes).collect()
    }

    async fn push(&mut self, hub: usize, group: Vec<Submission>) {
        let told = self.append(hub, group).await;
        told.iter().for_each(|(sent, outcome)| self.model.told(sent, outcome));
    }

    async fn race(&mut self, groups: &[Vec<Push>; HUBS], schedule: u64) {
        let mut chance = Chance::of(schedule);
        self.stores.iter().for_each(|store| store.delay(chance.fork()));
        let [one, two] = groups.each_ref().map(|group| submissions(group, self.model.reached));
        let (one, two) = tokio::join!(self.append(0, one), self.append(1, two));
        self.model.told_of_race(&[one, two]);
    }

    async fn merge(&mut self, hub: usize) {
        for _ in 0..FRESH_FILES {
            self.filler += 1;
            let one = figures("filler", &self.filler.to_string(), &[(9, Some(1))]);
            self.push(hub, vec![one]).await;
        }
        while self.hubs[hub].maintain().await.unwrap().more {}
    }

    async fn clean(&mut self, hub: usize) {
        let table = &self.hubs[hub].table;
        self.hubs[hub].follow().await.unwrap();
        let written = table.checkpoint(i64::MAX, |_| false).await.unwrap();
        let late = Clock::system().now() + chrono::TimeDelta::days(1);
        table.clean_log(written.version, late).await.unwrap();
        table.delete_orphans(late).await.unwrap();
        self.slept = [true; HUBS];
        self.slept[hub] = false;
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Push { hub, group } => {
                self.push(*hub, submissions(group, self.model.reached)).await;
            }
            Step::Race { groups, schedule } => self.race(groups, *schedule).await,
            Step::Merge(hub) => self.merge(*hub).await,
            Step::Checkpoint(hub) => {
                self.hubs[*hub].table.checkpoint(0, |_| false).await.unwrap();
            }
            Step::Clean(hub) => self.clean(*hub).await,
            Step::Follow(hub) => {
                self.hubs[*hub].follow().await.unwrap();
                self.slept[*hub] = false;
            }
            Step::Restart(hub) => {
                self.hubs[*hub] = self::hub(&self.stores[*hub], *hub).await;
                self.slept[*hub] = false;
            }
        }
    }
}

/// Runs some steps, and tells what the hubs asked of the store.
fn run(steps: &[Step]) -> Vec<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let mut world = World::new().await;
        for step in steps {
            world.step(step).await;
        }
        for hub in &world.hubs {
            hub.follow().await.unwrap();
            world.model.hold(hub).await;
        }
        world.model.hold(&hub(&world.stores[0], 0).await).await;
        world.stores.iter().map(|store| store.trace()).collect()
    })
}

pub(super) fn runner(cases: usize) -> TestRunner {
    let mut chance = Chance::seeded();
    let mut seed = [0; 32];
    seed.chunks_mut(8).for_each(|part| part.copy_from_slice(&chance.next().to_le_bytes()));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let cases = u32::try_from(cases).unwrap();
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng)
}

#[test]
fn any_interleaving_gives_what_the_model_gives() {
    let run = |steps: Vec<Step>| {
        run(&steps);
        Ok(())
    };
    runner(rounds(CASES)).run(&steps(), run).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn one_schedule_gives_one_trace() {
    let race = |seed: u64| {
        let plain = |hub: u8| [(0, 1, 0), (0, 2 + hub, 0), (hub, 5, hub)];
        let group =
            |hub: u8| plain(hub).map(|(feed, id, content)| Push::Plain(feed, id, content)).to_vec();
        Step::Race { groups: [group(0), group(1)], schedule: seed }
    };
    let schedule = |seed| vec![race(seed), race(seed + 1), race(seed + 2)];
    assert_eq!(run(&schedule(3)), run(&schedule(3)), "the same seed gives the same calls");
    let traces: std::collections::BTreeSet<_> = (0..20).map(|seed| run(&schedule(seed))).collect();
    assert!(traces.len() > 1, "and another seed gives others");
}
