//! The loop around the core, as small as it can be: decides, makes durable, performs, crashes, and goes on from the log.
//! After each step it asks every rule. Knows nothing of what is right beyond those rules.

use super::git::commit_id;
use super::truth::Truth;
use super::weather::Weather;
use super::world::World;
use super::{Options, Run, Stats, generate};
use ppe_core::decide::{Rest, decide, next_wakeup, rest};
use ppe_core::event::Record;
use ppe_core::ids::Millis;
use ppe_core::input::{Command, Input, Reply, Start};
use ppe_core::intent::Intent;
use ppe_core::invariant;
use ppe_core::outcome::{Verdict, Verified};
use ppe_core::plan::Plan;
use ppe_core::sim::Seed;
use ppe_core::state::State;
use ppe_core::wishes::intents;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More steps than any run of this size needs.
const MAX_STEPS: u32 = 30_000;

/// Something that has been sent and not yet been received; all of it is lost in a crash.
enum Mail {
    Answer(Intent, Input),
    Stray(Input),
}

/// What follows a step.
enum Next {
    Go,
    End,
}

/// Where a process may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// Some of what was decided is not durable; the last line may be torn.
    NotDurable,
    /// All is durable.
    Durable,
}

pub(super) struct Shell {
    options: Options,
    seed: Seed,
    world: World,
    plan: Arc<Plan>,
    state: State,
    /// The state as the log alone has it, the lines that are not yet durable included.
    replayed: State,
    now: Millis,
    /// The log as it lies on the disk.
    durable: String,
    /// Lines that are decided and not yet durable.
    pending: Vec<(String, Record)>,
    in_flight: BTreeSet<Intent>,
    mail: BTreeMap<(Millis, u64), Mail>,
    sent: u64,
    truth: Truth,
    stats: Stats,
    /// Steps until the weather is calm.
    storm: u32,
    user_turns: u32,
}

impl Shell {
    pub(super) fn new(number: u64, options: Options) -> Option<Self> {
        let mut seed = Seed::new(number);
        let plan = Arc::new(generate::plan(&mut seed)?);
        let world = World::new(Seed::new(seed.draw()));
        let state = fresh(&plan, options);
        let mut truth = Truth::default();
        truth.learn_plan(&plan);
        let storm = u32::try_from(seed.between(0, 400)).unwrap_or(0);
        Some(Self {
            options,
            seed,
            world,
            plan,
            replayed: state.clone(),
            state,
            now: Millis(1_000_000),
            durable: String::new(),
            pending: Vec::new(),
            in_flight: BTreeSet::new(),
            mail: BTreeMap::new(),
            sent: 0,
            truth,
            stats: Stats::default(),
            storm,
            user_turns: 0,
        })
    }

    /// Plays the run to its end.
    pub(super) fn play(&mut self) -> Result<(), String> {
        let start = self.start();
        self.feed(Input::Start(Box::new(start)), None)?;
        for step in 0..MAX_STEPS {
            if step == self.storm {
                self.world.weather = Weather::Calm;
            }
            if let Next::End = self.step()? {
                self.world.check_tidy(&self.state, self.now)?;
                return Ok(());
            }
        }
        Err(format!("no end after {MAX_STEPS} steps: {}", brief(&self.state)))
    }

    /// The lines of the log, those that are not yet durable last.
    pub(super) fn lines(&self) -> impl DoubleEndedIterator<Item = String> {
        let pending = self.pending.iter().map(|(line, _)| line.clone());
        self.durable.lines().map(str::to_owned).chain(pending)
    }

    /// What is left of a run for others to look at.
    pub(super) fn into_run(mut self) -> Run {
        self.stats.virtual_ms = self.now.since(Millis(1_000_000));
        Run { stats: self.stats, plan: self.plan, log: self.durable, state: self.state }
    }

    fn start(&mut self) -> Start {
        let policy = generate::policy(&mut self.seed, &self.plan);
        let tree = self.world.git.tree(self.world.target);
        let known = self.seed.chance(80);
        if known {
            self.world.green.insert(tree);
        } else if self.seed.chance(30) {
            self.world.red.insert(tree);
        }
        let target = (commit_id(self.world.target), known.then(|| super::git::tree_id(tree)));
        generate::start(&mut self.seed, &self.plan, policy, target)
    }

    fn step(&mut self) -> Result<Next, String> {
        let storm = self.world.weather == Weather::Storm;
        if storm && self.seed.chance(3) {
            self.flush()?;
            self.world.catch_up(self.now);
            self.world.mischief(&self.state);
            return self.look().map(|()| Next::Go);
        }
        if self.seed.chance(4) {
            return self.look().map(|()| Next::Go);
        }
        if let Some(seen) = self.world.branches(&self.state) {
            return self.feed(seen, None).map(|()| Next::Go);
        }
        if self.world.board.has_turn() {
            // Nothing is written to it that is not durable.
            self.flush()?;
            let seen = self.world.board.turn(&self.state, self.world.weather);
            return self.feed(seen, None).map(|()| Next::Go);
        }
        if storm && !self.state.questions.is_empty() && self.seed.chance(15) {
            let answer = Input::Operator(self.world.any_answer(&self.state));
            return self.feed(answer, None).map(|()| Next::Go);
        }
        if storm && self.seed.chance(4) {
            return self.operate().map(|()| Next::Go);
        }
        if !storm && self.mail.is_empty() && self.pending.is_empty() && !self.state.questions.is_empty() {
            // A question that has a time-out is answered before it passes.
            return self.user_acts().map(|()| Next::Go);
        }
        let mail = self.mail.keys().next().map(|(at, _)| *at);
        let wakeup = self.wakeup();
        match (mail, wakeup) {
            (Some(due), wakeup) if wakeup.is_none_or(|at| due <= at) => self.receive(),
            (_, Some(at)) => {
                self.now = self.now.max(at);
                let before = (self.stats.records, self.stats.crashes);
                self.feed(Input::Tick, None)?;
                let after = (self.stats.records, self.stats.crashes);
                if before == after && next_wakeup(&self.state) == Some(at) {
                    return Err(format!("the moment {at:?} came, and nothing followed"));
                }
                Ok(Next::Go)
            }
            (_, None) if !self.pending.is_empty() => self.flush_and_perform().map(|()| Next::Go),
            (_, None) => self.at_rest(),
        }
    }

    /// The next moment that is waited for, if it ever comes.
    fn wakeup(&self) -> Option<Millis> {
        next_wakeup(&self.state).filter(|at| *at < Millis(generate::FOR_EVER_MS))
    }

    fn receive(&mut self) -> Result<Next, String> {
        let Some(((at, _), mail)) = self.mail.pop_first() else { return Ok(Next::Go) };
        self.now = self.now.max(at);
        match mail {
            Mail::Stray(input) => self.feed(input, None)?,
            Mail::Answer(intent, input) => {
                self.in_flight.remove(&intent);
                // What could not be found out is asked again under the same name: there, one answer is like the next.
                let again = matches!(
                    &input,
                    Input::VerifyEnded { verified: Verified { verdict: Verdict::Unevaluated(_), .. }, .. }
                        | Input::CheckEnded { verdict: Verdict::Unevaluated(_), .. }
                );
                let keyed = !again
                    && !matches!(intent, Intent::EnsureReleased { .. } | Intent::EnsurePreloaded { .. });
                if keyed && self.seed.chance(6) {
                    let late_ms = self.seed.below(5_000);
                    self.send(late_ms, Mail::Stray(input.clone()));
                }
                self.feed(input, Some(intent))?;
            }
        }
        Ok(Next::Go)
    }

    fn operate(&mut self) -> Result<(), String> {
        let command = self.world.command(&self.state);
        self.stats.commands += 1;
        self.feed(Input::Operator(command), None)
    }

    fn look(&mut self) -> Result<(), String> {
        for seen in self.world.look(&self.state) {
            self.feed(seen, None)?;
        }
        Ok(())
    }

    /// Nothing is under way and no moment is waited for.
    fn at_rest(&mut self) -> Result<Next, String> {
        self.flush_and_perform()?;
        if !self.mail.is_empty() || !self.pending.is_empty() || self.wakeup().is_some() {
            return Ok(Next::Go);
        }
        let Some(rest) = rest(&self.state) else {
            return Err(format!("nothing goes on, and the run has not come to rest: {}", brief(&self.state)));
        };
        let length = (self.durable.len(), self.pending.len());
        self.look()?;
        if length != (self.durable.len(), self.pending.len()) {
            return Ok(Next::Go);
        }
        self.stats.rests += 1;
        self.user_turns += 1;
        if self.user_turns > 400 {
            return Err(format!(
                "the user has done all they can, and the run is {rest:?}: {}",
                brief(&self.state)
            ));
        }
        match rest {
            Rest::Complete => {
                if self.world.strikes(15) {
                    self.operate()?;
                    return Ok(Next::Go);
                }
                if let Some(seen) = self.world.board.closing_turn(&self.state) {
                    self.feed(seen, None)?;
                    return Ok(Next::Go);
                }
                Ok(Next::End)
            }
            Rest::Stopped => self.restart(Point::Durable).map(|()| Next::Go),
            Rest::Paused | Rest::NeedsUser => self.user_acts().map(|()| Next::Go),
        }
    }

    fn user_acts(&mut self) -> Result<(), String> {
        let Some(input) = self.world.resolve(&self.state) else {
            return Err(format!("a person can do nothing for this run: {}", brief(&self.state)));
        };
        self.feed(input, None)?;
        self.look()
    }

    /// Decides, asks every rule, and perhaps makes durable and performs; or crashes at any of these points.
    fn feed(&mut self, input: Input, answered: Option<Intent>) -> Result<(), String> {
        self.now = self.now.plus(u64::from(self.seed.chance(30)));
        let is_done = match &input {
            Input::Operator(Command::Done { task, .. }) => Some(task.clone()),
            _ => None,
        };
        let answering = match &input {
            Input::Operator(Command::Answer { question, .. }) => Some(*question),
            _ => None,
        };
        self.stats.inputs += 1;
        let decision = decide(&mut self.state, self.now, input);
        if let (Some(question), Some(Reply::Done(_))) = (answering, &decision.reply)
            && self.state.questions.contains_key(&question)
        {
            return Err(format!("{question} was answered and is still open"));
        }
        if let (Some(task), Some(Reply::Done(_))) = (is_done, &decision.reply) {
            self.world.landed.insert(task, self.world.target);
        }
        self.take_down(decision.record, answered)?;
        self.obey_rules()?;
        if self.world.strikes(2) {
            return self.restart(Point::NotDurable);
        }
        if self.world.weather == Weather::Calm || self.seed.chance(80) {
            self.flush_and_perform()?;
        }
        Ok(())
    }

    /// Writes a record down, to be durable later. It must read back as it was.
    fn take_down(&mut self, record: Record, answered: Option<Intent>) -> Result<(), String> {
        if record.events.is_empty() {
            return match answered {
                Some(intent) if intents(&self.state).contains(&intent) => {
                    Err(format!("the answer to {intent:?} changed nothing, and it is still wished for"))
                }
                Some(_) | None => Ok(()),
            };
        }
        self.stats.records += 1;
        self.stats.events += record.events.len() as u64;
        let line = record.to_line().map_err(|e| e.to_string())?;
        let read = parse(&line)?;
        if read != record {
            return Err(format!("a record does not read back as it was: {line}"));
        }
        self.replayed.apply(&read).map_err(|illegal| format!("a replay is refused: {illegal}"))?;
        self.pending.push((line, record));
        same(&self.state, &mut self.replayed)
    }

    fn obey_rules(&self) -> Result<(), String> {
        if let Some(violation) = invariant::check(&self.state).first() {
            return Err(violation.to_string());
        }
        let working: Vec<_> = self.world.alive(self.now).collect();
        if working.len() > self.state.busy_count() {
            return Err(format!("at work with {} slots held: {working:?}", self.state.busy_count()));
        }
        self.world.check(&self.state, self.now)
    }

    fn flush(&mut self) -> Result<(), String> {
        for (line, record) in std::mem::take(&mut self.pending) {
            self.append(&line, &record)?;
        }
        Ok(())
    }

    fn append(&mut self, line: &str, record: &Record) -> Result<(), String> {
        self.durable.push_str(line);
        self.durable.push('\n');
        self.truth.learn(&mut self.world, record)
    }

    fn flush_and_perform(&mut self) -> Result<(), String> {
        self.flush()?;
        if self.world.strikes(1) {
            return self.restart(Point::Durable);
        }
        let wanted: BTreeSet<Intent> = intents(&self.state).into_iter().collect();
        self.let_go(&wanted);
        for intent in wanted {
            if self.in_flight.contains(&intent) {
                continue;
            }
            if self.world.strikes(1) {
                return self.restart(Point::Durable);
            }
            let mut answers = self.world.perform(&self.state, self.now, &intent)?.into_iter();
            if let Some((wait_ms, input)) = answers.next() {
                self.send(wait_ms, Mail::Answer(intent.clone(), input));
            }
            for (wait_ms, input) in answers {
                self.send(wait_ms, Mail::Stray(input));
            }
            self.in_flight.insert(intent);
        }
        Ok(())
    }

    /// What is no longer wished for is let go; its answer may come all the same.
    fn let_go(&mut self, wanted: &BTreeSet<Intent>) {
        let unwanted: Vec<Intent> = self.in_flight.difference(wanted).cloned().collect();
        for intent in unwanted {
            self.in_flight.remove(&intent);
            let key = self.mail.iter().find_map(|(key, mail)| match mail {
                Mail::Answer(of, _) if *of == intent => Some(*key),
                Mail::Answer(..) | Mail::Stray(_) => None,
            });
            let Some(Mail::Answer(_, input)) = key.and_then(|key| self.mail.remove(&key)) else { continue };
            let keyed = !matches!(intent, Intent::EnsureReleased { .. } | Intent::EnsurePreloaded { .. });
            if let (Some((at, _)), true) = (key, keyed && self.seed.chance(70)) {
                self.send(at.since(self.now), Mail::Stray(input));
            }
        }
    }

    fn send(&mut self, wait_ms: u64, mail: Mail) {
        self.sent += 1;
        self.mail.insert((self.now.plus(wait_ms), self.sent), mail);
    }

    /// The process ends here, and another goes on from the log.
    fn restart(&mut self, point: Point) -> Result<(), String> {
        self.stats.crashes += 1;
        let pending = std::mem::take(&mut self.pending);
        let whole = match point {
            Point::Durable => pending.len(),
            Point::NotDurable => usize::try_from(self.seed.below(pending.len() as u64 + 1)).unwrap_or(0),
        };
        for (line, record) in &pending[..whole] {
            self.append(line, record)?;
        }
        if let Some((line, _)) = pending.get(whole)
            && self.seed.chance(50)
        {
            let torn = usize::try_from(self.seed.below(line.len() as u64)).unwrap_or(0);
            self.durable.push_str(line.get(..torn).unwrap_or(""));
        }
        let end = self.durable.rfind('\n').map_or(0, |at| at + 1);
        self.durable.truncate(end);
        let rebuilt = replay(&self.plan, &self.durable, self.options)?;
        self.state = rebuilt.clone();
        self.replayed = rebuilt;
        self.in_flight.clear();
        self.mail.clear();
        self.now = self.now.plus(self.seed.below(600_000));
        if self.durable.is_empty() {
            let start = self.start();
            return self.feed(Input::Start(Box::new(start)), None);
        }
        self.feed(Input::Opened, None)
    }
}

/// A log's state equals the state that wrote it, save for what is only counted in memory; and so do the wishes: whoever
/// goes on from the log after a crash wishes for the same.
fn same(live: &State, replayed: &mut State) -> Result<(), String> {
    replayed.totals.stale = live.totals.stale;
    if *live != *replayed {
        return Err(format!("the replayed state differs:\nlive    {live:?}\nreplayed {replayed:?}"));
    }
    if intents(live) != intents(replayed) {
        return Err("the wishes after a replay differ".to_owned());
    }
    Ok(())
}

fn fresh(plan: &Arc<Plan>, options: Options) -> State {
    let mut state = State::new(plan.clone());
    state.mutant = options.mutant;
    state
}

fn parse(line: &str) -> Result<Record, String> {
    Record::of_line(line).map_err(|e| format!("a record does not read back: {e}: {line}"))
}

/// The state that a log leads to.
pub(super) fn replay(plan: &Arc<Plan>, log: &str, options: Options) -> Result<State, String> {
    let mut state = fresh(plan, options);
    for line in log.lines() {
        state.apply(&parse(line)?).map_err(|illegal| format!("a replay is refused: {illegal}"))?;
    }
    Ok(state)
}

/// A state in a few lines: what stands still and what it waits for.
fn brief(state: &State) -> String {
    let steps: Vec<String> = (0..state.tasks.len())
        .filter(|at| state.tasks[*at].in_run() && !state.tasks[*at].is_closed())
        .map(|at| format!("{} {:?}", state.id(at), state.tasks[at].step))
        .collect();
    format!(
        "{}\n paused {:?}, stop {:?}, lane {:?} {:?} {:?}\n questions {:?}\n deferred {:?}, breakers {:?}, slots {}",
        steps.join("\n "),
        state.paused,
        state.stop,
        state.lane.queue,
        state.lane.chain,
        state.lane.frozen,
        state.questions,
        state.deferred,
        state.breakers,
        state.policy.slots,
    )
}
