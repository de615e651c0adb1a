//! The loop that owns a run: inputs in, records to the writer, and, once they are durable, wishes to the ports and
//! views to the faces. It decides nothing and never waits to send.

use crate::api::{self, Leave, Recorded, Request, RunHandle, Snapshot};
use crate::mirror::{Mirror, Turn, turn};
use crate::notice::notices;
use crate::perform::{job_of, only_waits, perform};
use crate::ports::{
    Board, Clock, EventLog, Executor, Forge, JobKey, Look, Notice, Notifier, Ports, Radar, Sightings,
};
use crate::sweep::Sweeps;
use crate::writer::{Word, Writer};
use ppe_core::decide::{Rest, decide, next_wakeup, rest};
use ppe_core::event::Record;
use ppe_core::ids::{Attempt, Millis, Seq, TaskId};
use ppe_core::input::{Input, Observed, Reply, Trouble};
use ppe_core::intent::Intent;
use ppe_core::state::State;
use ppe_core::wishes::intents;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinSet};

/// Answers of ports that may wait for the loop; a port's task waits when it is full.
const ANSWERS: usize = 256;
/// How long a sighting may ride before it is written without company, ms.
const CARRY_MS: u64 = 1_000;
/// How long to wait before trying again to clear away what an earlier process left, ms.
const RECONCILE_MS: u64 = 5_000;

/// When the loop ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stay {
    /// At the first rest of any kind.
    UntilRest,
    /// Only when all tasks are closed or the run was stopped; while the user is needed it stays up.
    UntilOver,
}

/// What the loop is started with.
pub struct Options {
    /// When it ends by itself.
    pub stay: Stay,
    /// Between two looks at forge, repository and board, ms.
    pub refresh_ms: u64,
    /// From a move of a branch to a look at all of them, ms; 0 is never.
    pub radar_ms: u64,
    /// What the number of a change completes to its address, where it has one.
    pub change_url: Option<String>,
    /// Where adapters put what they see of agents.
    pub sightings: Sightings,
}

/// How the loop ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The run came to rest.
    Rest(Rest),
    /// The process was told to leave; agents go on.
    Left,
    /// The log takes nothing more.
    LogFailed(String),
}

struct Pending {
    seq: Seq,
    record: Record,
    reply: Option<(oneshot::Sender<Reply>, Reply)>,
}

enum Answer {
    Done(Intent, Box<Input>),
    /// What was seen, and the last durable record when the look began: all that it could know of. A look that failed has
    /// seen nothing.
    Looked(Seq, Vec<Observed>),
    /// What was seen of all branches, or why they could not be looked at.
    Swept(Result<Observed, Trouble>),
    /// What a turn at the board came to.
    Mirrored(Box<Turn>),
}

/// A run's loop, ready to go.
pub struct RunLoop<P: Ports> {
    ports: Arc<P>,
    /// As decided.
    state: State,
    /// As durable: what the outside is told and acts on.
    durable: State,
    pending: VecDeque<Pending>,
    carried: Option<(Millis, Record)>,
    written: Seq,
    durable_seq: Seq,
    writer: Writer,
    words: mpsc::Receiver<Word>,
    requests: mpsc::Receiver<Request>,
    answers: mpsc::Receiver<Answer>,
    answer_to: mpsc::Sender<Answer>,
    in_flight: BTreeMap<Intent, AbortHandle>,
    tasks: JoinSet<()>,
    looking: bool,
    sweeps: Sweeps,
    mirror: Mirror,
    next_look: Millis,
    /// The last durable record when the last look began.
    looked: Option<Seq>,
    stalled: Option<String>,
    snapshots: watch::Sender<Snapshot>,
    tail: broadcast::Sender<Arc<Recorded>>,
    options: Options,
}

impl<P: Ports> RunLoop<P> {
    /// Takes up a run: `state` is what its log folds to.
    pub fn new(
        ports: Arc<P>,
        log: impl EventLog + 'static,
        state: State,
        options: Options,
    ) -> std::io::Result<(Self, RunHandle)> {
        let last = log.last();
        let (writer, words) = Writer::start(log)?;
        let (request_to, requests) = mpsc::channel(api::COMMANDS);
        let (answer_to, answers) = mpsc::channel(ANSWERS);
        let now = ports.clock().now();
        let snapshot = Snapshot { state: Arc::new(state.clone()), seq: last, now, stalled: None };
        let (snapshots, seen) = watch::channel(snapshot);
        let (tail, _) = broadcast::channel(api::TAIL);
        let (board, url) = (ports.board().is_there(), options.change_url.clone());
        let mirror = Mirror::new(board, options.refresh_ms, url, now);
        let handle = RunHandle { requests: request_to, snapshots: seen, tail: tail.clone() };
        let this = Self {
            ports,
            durable: state.clone(),
            state,
            pending: VecDeque::new(),
            carried: None,
            written: last,
            durable_seq: last,
            writer,
            words,
            requests,
            answers,
            answer_to,
            in_flight: BTreeMap::new(),
            tasks: JoinSet::new(),
            looking: false,
            sweeps: Sweeps::new(options.radar_ms),
            mirror,
            next_look: now,
            looked: None,
            stalled: None,
            snapshots,
            tail,
            options,
        };
        Ok((this, handle))
    }

    /// Runs until the end. `first` are the inputs that begin the session.
    pub async fn run(mut self, first: Vec<Input>) -> End {
        if let Some(end) = self.reconcile().await {
            return end;
        }
        for input in first {
            self.take(input, None);
        }
        loop {
            if let Some(end) = self.over() {
                return end;
            }
            if let Some(end) = self.step().await {
                return end;
            }
        }
    }

    /// Sees to it that nothing of an earlier process is in the way. Until that is so, nothing is done and nothing taken.
    async fn reconcile(&mut self) -> Option<End> {
        let wanted: Vec<_> = intents(&self.state).iter().filter_map(job_of).collect();
        while let Err(trouble) = self.ports.executor().reconcile(wanted.clone()).await {
            self.stall(Some(trouble.to_string()));
            let again = self.ports.clock().now().plus(RECONCILE_MS);
            let ports = Arc::clone(&self.ports);
            loop {
                tokio::select! {
                    () = ports.clock().sleep_until(again) => break,
                    Some(request) = self.requests.recv() => match request {
                        Request::Command(_, answer) => {
                            // Who asked may have gone.
                            drop(answer.send(Reply::Refused(format!("nothing can be done yet: {trouble}"))));
                        }
                        Request::Leave(Leave::Now) => return Some(End::Left),
                    },
                }
            }
        }
        self.stall(None);
        None
    }

    /// Waits for the next thing and handles it.
    async fn step(&mut self) -> Option<End> {
        let open = self.stalled.is_none();
        let ports = Arc::clone(&self.ports);
        let (wakeup, look) = (self.wakeup(), self.next_look);
        let (sweep, mirror) = (self.sweeps.due(), self.mirror.due());
        tokio::select! {
            biased;
            Some(request) = self.requests.recv(), if open => match request {
                Request::Command(command, answer) => self.take(Input::Operator(*command), Some(answer)),
                Request::Leave(Leave::Now) => return Some(End::Left),
            },
            word = self.words.recv() => match word {
                Some(Word::Durable(seq)) => self.released(seq),
                Some(Word::Stalled(why)) => self.stall(Some(format!("nothing can be recorded: {why}"))),
                Some(Word::Fatal(why)) => return Some(End::LogFailed(why)),
                None => return Some(End::LogFailed("the log's writer ended".to_owned())),
            },
            Some(answer) = self.answers.recv(), if open => match answer {
                Answer::Done(intent, input) => {
                    self.in_flight.remove(&intent);
                    self.take(*input, None);
                }
                Answer::Looked(since, observed) => {
                    self.looking = false;
                    self.looked = Some(since);
                    for seen in observed {
                        self.take(Input::Observed(seen), None);
                    }
                }
                Answer::Swept(seen) => self.swept(seen),
                Answer::Mirrored(mut turn) => {
                    self.mirror.end(&mut turn, ports.clock().now());
                    self.take(Input::Observed(turn.observed()), None);
                    // What was recorded while the turn was under way may be no news to it.
                    self.mirror.notice(&self.durable);
                }
            },
            () = self.options.sightings.arrived(), if open => {
                for ((task, attempt), seen) in self.options.sightings.take() {
                    self.take(Input::Sighted { task, attempt, seen }, None);
                }
            },
            () = ports.clock().sleep_until(wakeup.unwrap_or(Millis(u64::MAX))), if open && wakeup.is_some() => {
                if self.carry_is_due() {
                    self.write_carried();
                }
                self.take(Input::Tick, None);
            },
            () = ports.clock().sleep_until(look), if open && !self.looking => self.look(),
            () = ports.clock().sleep_until(sweep.unwrap_or(Millis(u64::MAX))), if open && sweep.is_some() => {
                self.sweep();
            }
            () = ports.clock().sleep_until(mirror.unwrap_or(Millis(u64::MAX))), if open && mirror.is_some() => {
                self.mirror();
            }
        }
        while self.tasks.try_join_next().is_some() {}
        None
    }

    fn wakeup(&self) -> Option<Millis> {
        let carried = self.carried.as_ref().map(|(since, _)| since.plus(CARRY_MS));
        [next_wakeup(&self.state), carried].into_iter().flatten().min()
    }

    fn carry_is_due(&self) -> bool {
        let now = self.ports.clock().now();
        self.carried.as_ref().is_some_and(|(since, _)| since.plus(CARRY_MS) <= now)
    }

    /// Decides on an input and hands the record to the writer.
    fn take(&mut self, input: Input, answer: Option<oneshot::Sender<Reply>>) {
        let decision = decide(&mut self.state, self.ports.clock().now(), input);
        let record = decision.record;
        let reply = answer.zip(decision.reply);
        if record.events.is_empty() {
            if let Some((answer, reply)) = reply {
                // Who asked may have gone.
                drop(answer.send(reply));
            }
        } else if record.events.iter().all(ppe_core::event::Event::is_sighting) {
            self.carry(record);
        } else {
            self.write_carried();
            self.write(record, reply);
        }
    }

    /// A sighting rides along with the next record, or goes alone when none comes.
    fn carry(&mut self, mut record: Record) {
        if let Some((_, carried)) = &mut self.carried {
            carried.at = record.at;
            carried.events.append(&mut record.events);
        } else {
            self.carried = Some((record.at, record));
        }
    }

    fn write_carried(&mut self) {
        if let Some((_, record)) = self.carried.take() {
            self.write(record, None);
        }
    }

    fn write(&mut self, record: Record, reply: Option<(oneshot::Sender<Reply>, Reply)>) {
        let Ok(line) = record.to_line() else { unreachable!("BUG: a record that is not JSON") };
        self.written = Seq(self.written.0 + 1);
        self.pending.push_back(Pending { seq: self.written, record, reply });
        // An ended writer has said why in its last word, which ends the loop.
        drop(self.writer.write(line));
    }

    /// Everything up to `seq` is durable: the outside may know.
    fn released(&mut self, seq: Seq) {
        self.stall(None);
        while self.pending.front().is_some_and(|p| p.seq <= seq) {
            let Some(pending) = self.pending.pop_front() else { break };
            if let Err(illegal) = self.durable.apply(&pending.record) {
                panic!("BUG: {illegal}");
            }
            for notice in notices(&self.durable, &pending.record) {
                self.ports.notifier().send(notice);
            }
            self.durable_seq = pending.seq;
            if let Some((answer, reply)) = pending.reply {
                drop(answer.send(reply));
            }
            // Nobody may be listening.
            let _listeners = self.tail.send(Arc::new(Recorded { seq: pending.seq, record: pending.record }));
        }
        self.sweeps.notice(&self.durable, self.ports.clock().now());
        self.mirror.notice(&self.durable);
        self.publish();
        self.fulfil();
    }

    fn stall(&mut self, why: Option<String>) {
        if self.stalled != why {
            self.stalled = why;
            if let Some(why) = self.stalled.clone() {
                self.tell("paused", why);
            }
            self.publish();
        }
    }

    /// Says something of the run that is in no record.
    fn tell(&self, kind: &str, text: String) {
        let (run, at_ms) = (self.durable.run.to_string(), self.ports.clock().now().0);
        self.ports.notifier().send(Notice { kind: kind.to_owned(), run, task: None, text, at_ms });
    }

    fn publish(&self) {
        let state = Arc::new(self.durable.clone());
        let now = self.ports.clock().now();
        self.snapshots.send_replace(Snapshot {
            state,
            seq: self.durable_seq,
            now,
            stalled: self.stalled.clone(),
        });
    }

    /// Starts what is wished for and not under way, and lets go of what is no longer wished for. Wishes are those that
    /// hold both in what is durable and in what is decided: the first keeps us from acting too early, the second from
    /// acting again on an answer that is only just being recorded.
    fn fulfil(&mut self) {
        let decided: BTreeSet<_> = intents(&self.state).into_iter().collect();
        let durable: BTreeSet<_> = intents(&self.durable).into_iter().collect();
        let unwanted: Vec<_> =
            self.in_flight.keys().filter(|i| only_waits(i) && !decided.contains(i)).cloned().collect();
        for intent in unwanted {
            self.let_go(&intent);
        }
        self.ports.executor().keep_slots(&self.running());
        let state = Arc::new(self.durable.clone());
        for intent in durable.intersection(&decided) {
            if self.in_flight.contains_key(intent) {
                continue;
            }
            let (ports, state, answer_to) =
                (Arc::clone(&self.ports), Arc::clone(&state), self.answer_to.clone());
            let wish = intent.clone();
            let handle = self.tasks.spawn(async move {
                let input = perform(ports, state, wish.clone()).await;
                // The loop may have ended; the answer can be asked for again.
                drop(answer_to.send(Answer::Done(wish, Box::new(input))).await);
            });
            self.in_flight.insert(intent.clone(), handle);
        }
    }

    /// Attempts that hold a slot, in what is durable or in what is decided.
    fn running(&self) -> BTreeSet<(TaskId, Attempt)> {
        let of = |state: &State| {
            let running = |at: usize| Some((state.id(at).clone(), state.tasks[at].running()?.attempt));
            (0..state.tasks.len()).filter_map(running).collect::<Vec<_>>()
        };
        of(&self.durable).into_iter().chain(of(&self.state)).collect()
    }

    /// Stops waiting for a job; one that nobody will ask about again is stopped.
    fn let_go(&mut self, intent: &Intent) {
        if let Some(handle) = self.in_flight.remove(intent) {
            handle.abort();
        }
        if let Intent::EnsureChecked { subject, run } = intent {
            let key = JobKey::Check { subject: subject.clone(), run: *run };
            let (ports, grace_ms) = (Arc::clone(&self.ports), self.durable.policy.grace_ms);
            self.tasks.spawn(async move { drop(ports.executor().stop(key, grace_ms).await) });
        }
    }

    /// Looks at forge and repository, for what others did.
    fn look(&mut self) {
        self.looking = true;
        self.next_look = self.ports.clock().now().plus(self.options.refresh_ms);
        let (ports, answer_to, look) =
            (Arc::clone(&self.ports), self.answer_to.clone(), Look::of(&self.durable));
        let since = self.durable_seq;
        self.tasks.spawn(async move {
            let observed = ports.forge().look(look).await.unwrap_or_default();
            drop(answer_to.send(Answer::Looked(since, observed)).await);
        });
    }

    /// Holds all branches against each other.
    fn sweep(&mut self) {
        let branches = self.sweeps.begin(&self.durable);
        let (ports, answer_to) = (Arc::clone(&self.ports), self.answer_to.clone());
        self.tasks.spawn(async move {
            let seen = ports.radar().look(branches).await;
            drop(answer_to.send(Answer::Swept(seen)).await);
        });
    }

    fn swept(&mut self, seen: Result<Observed, Trouble>) {
        let is_news = self.sweeps.end(&self.durable, self.ports.clock().now(), seen.is_ok());
        match seen {
            Ok(seen) => self.take(Input::Observed(seen), None),
            Err(trouble) if is_news => self.tell("radar", format!("branches are not compared: {trouble}")),
            Err(_) => {}
        }
    }

    /// Takes a turn at the board.
    fn mirror(&mut self) {
        if !self.mirror.begin() {
            return;
        }
        let (ports, answer_to) = (Arc::clone(&self.ports), self.answer_to.clone());
        let (state, written) = (self.durable.clone(), self.mirror.written.clone());
        let url = self.mirror.change_url.clone();
        self.tasks.spawn(async move {
            let turn = turn(ports.board(), &state, &written, url.as_deref()).await;
            drop(answer_to.send(Answer::Mirrored(Box::new(turn))).await);
        });
    }

    /// Whether the loop has come to its end.
    fn over(&mut self) -> Option<End> {
        let end = self.at_end();
        if end.is_none() {
            self.mirror.goes_on();
        }
        let now = self.ports.clock().now();
        end.filter(|_| !self.mirror.holds_end(&self.durable, now))
    }

    /// Whether there is nothing left for the loop to do or to wait for.
    fn at_end(&mut self) -> Option<End> {
        let rest = rest(&self.state)?;
        let leaves_waiting = rest == Rest::Stopped;
        if !self.pending.is_empty() || !self.in_flight.keys().all(|i| leaves_waiting && only_waits(i)) {
            return None;
        }
        if self.carried.is_some() {
            self.write_carried();
            return None;
        }
        match (self.options.stay, rest) {
            (_, Rest::Complete | Rest::Stopped) => Some(End::Rest(rest)),
            (Stay::UntilOver, Rest::NeedsUser | Rest::Paused) => None,
            (Stay::UntilRest, _) if self.looked == Some(self.written) => Some(End::Rest(rest)),
            // What it waits for may have happened already.
            (Stay::UntilRest, _) => {
                if !self.looking {
                    self.look();
                }
                None
            }
        }
    }
}
