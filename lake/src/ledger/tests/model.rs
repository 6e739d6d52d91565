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

/// A submission by its feed, its id, and which of some contents it has.
type Push = (u8, u8, u8);

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Push {
        hub: usize,
        group: Vec<Push>,
    },
    /// Submissions that a producer numbers, rightly or not: (epoch, sequence).
    Numbered {
        hub: usize,
        turns: Vec<(u64, u64)>,
    },
    /// Both hubs push at once, and chance decides who comes first at each call of the store.
    Race {
        groups: [Vec<Push>; HUBS],
        schedule: u64,
    },
    /// So many small pushes that a merge is due, and the merge.
    Merge {
        hub: usize,
    },
    Checkpoint {
        hub: usize,
    },
    Follow {
        hub: usize,
    },
    Restart {
        hub: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let group = || prop::collection::vec((0_u8..2, 0_u8..10, 0_u8..3), 1..4);
    let hub = || 0..HUBS;
    let step = prop_oneof![
        8 => (hub(), group()).prop_map(|(hub, group)| Step::Push { hub, group }),
        6 => (group(), group(), any::<u64>())
            .prop_map(|(one, two, schedule)| Step::Race { groups: [one, two], schedule }),
        3 => (hub(), prop::collection::vec((0_u64..3, 1_u64..5), 1..6))
            .prop_map(|(hub, turns)| Step::Numbered { hub, turns }),
        2 => hub().prop_map(|hub| Step::Merge { hub }),
        1 => hub().prop_map(|hub| Step::Checkpoint { hub }),
        1 => hub().prop_map(|hub| Step::Follow { hub }),
        2 => hub().prop_map(|hub| Step::Restart { hub }),
    ];
    prop::collection::vec(step, 1..16)
}

/// The submission of a push: revisions and withdrawals of a few cells.
fn submission_of((feed, id, content): Push) -> Submission {
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

fn numbered((epoch, sequence): (u64, u64)) -> Submission {
    let numbering = Some(Numbering { producer: "agent".into(), epoch, sequence });
    let value = i64::try_from(sequence).unwrap();
    Submission { numbering, ..figures("line", &format!("{epoch}-{sequence}"), &[(8, Some(value))]) }
}

/// What the ledger should be: who was first with an id, and the newest figure of each cell.
#[derive(Default)]
struct Model {
    answers: BTreeMap<Id, Answer>,
    current: BTreeMap<(String, u32), i64>,
    stamp: i64,
    position: u64,
    /// The last number taken, once there was one.
    reached: Option<(u64, u64)>,
}

impl Model {
    /// Holds the outcome of a push against what should come of it.
    fn told(&mut self, sent: &Submission, outcome: &Outcome) {
        let id = id_of(sent);
        match (self.answers.get(&id), outcome) {
            (None, Outcome::Recorded(answer)) => {
                assert_eq!(self.turn(sent), None, "{id:?}");
                self.take(sent, answer);
            }
            (None, Outcome::OutOfTurn(refused)) => {
                assert_eq!(self.turn(sent), Some(*refused), "{id:?}");
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

    /// Why a submission is out of its turn, if it is.
    fn turn(&self, sent: &Submission) -> Option<OutOfTurn> {
        let Numbering { epoch, sequence, .. } = *sent.numbering.as_ref()?;
        let (now, last) = self.reached.unwrap_or_default();
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
        Self { stores, hubs, model: Model::default(), filler: 0 }
    }

    async fn push(&mut self, hub: usize, group: Vec<Submission>) {
        let outcomes = self.hubs[hub].append(group.clone()).await.unwrap();
        assert_eq!(outcomes.len(), group.len());
        for (sent, outcome) in group.iter().zip(&outcomes) {
            self.model.told(sent, outcome);
        }
    }

    async fn race(&mut self, groups: &[Vec<Push>; HUBS], schedule: u64) {
        let mut chance = Chance::of(schedule);
        self.stores.iter().for_each(|store| store.delay(chance.fork()));
        let groups =
            groups.clone().map(|group| group.into_iter().map(submission_of).collect::<Vec<_>>());
        let [one, two] = &self.hubs;
        let (one, two) = tokio::join!(one.append(groups[0].clone()), two.append(groups[1].clone()));
        let mut told: Vec<_> = groups[0].iter().zip(one.unwrap()).collect();
        told.extend(groups[1].iter().zip(two.unwrap()));
        // Who recorded comes first, in the order of the ledger; then the others find what they should.
        told.sort_by_key(|(_, outcome)| match outcome {
            Outcome::Recorded(answer) => (0, answer.recorded_at.timestamp_micros()),
            _ => (1, 0),
        });
        for (sent, outcome) in told {
            self.model.told(sent, &outcome);
        }
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Push { hub, group } => {
                self.push(*hub, group.iter().copied().map(submission_of).collect()).await;
            }
            Step::Numbered { hub, turns } => {
                self.push(*hub, turns.iter().copied().map(numbered).collect()).await;
            }
            Step::Race { groups, schedule } => self.race(groups, *schedule).await,
            Step::Merge { hub } => {
                for _ in 0..FRESH_FILES {
                    self.filler += 1;
                    let one = figures("filler", &self.filler.to_string(), &[(9, Some(1))]);
                    self.push(*hub, vec![one]).await;
                }
                while self.hubs[*hub].maintain().await.unwrap().more {}
            }
            Step::Checkpoint { hub } => {
                self.hubs[*hub].table.checkpoint(0, |_| false).await.unwrap();
            }
            Step::Follow { hub } => self.hubs[*hub].follow().await.unwrap(),
            Step::Restart { hub } => self.hubs[*hub] = self::hub(&self.stores[*hub], *hub).await,
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

fn runner(cases: usize) -> TestRunner {
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
        let group = |hub: u8| vec![(0, 1, 0), (0, 2 + hub, 0), (hub, 5, hub)];
        Step::Race { groups: [group(0), group(1)], schedule: seed }
    };
    let schedule = |seed| vec![race(seed), race(seed + 1), race(seed + 2)];
    assert_eq!(run(&schedule(3)), run(&schedule(3)), "the same seed gives the same calls");
    let traces: std::collections::BTreeSet<_> = (0..20).map(|seed| run(&schedule(seed))).collect();
    assert!(traces.len() > 1, "and another seed gives others");
}
