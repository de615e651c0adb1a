//! The writer thread: appends records in groups and says up to which one everything is durable.
//!
//! A full disk is waited out with the records in hand; a failed sync is final. Knows nothing of what a record says.

use crate::ports::{AppendError, EventLog};
use ppe_core::ids::Seq;
use std::sync::mpsc as blocking;
use std::time::Duration;
use tokio::sync::mpsc;

/// Records that may wait for the writer; when it is full the loop waits, and takes no input meanwhile.
const QUEUE: usize = 1_024;
/// Records of one append at most.
const GROUP: usize = 256;
/// Between two tries on a full disk.
const RETRY: Duration = Duration::from_millis(500);

/// What the writer says.
#[derive(Debug)]
pub(crate) enum Word {
    /// Everything up to this record is durable.
    Durable(Seq),
    /// Nothing can be written for now; it is tried again.
    Stalled(String),
    /// The log takes no more records, ever.
    Fatal(String),
}

/// The handle of the writer thread. It ends when this is dropped.
pub(crate) struct Writer {
    records: blocking::SyncSender<String>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(mut log: impl EventLog + 'static) -> std::io::Result<(Self, mpsc::Receiver<Word>)> {
        let (records, queue) = blocking::sync_channel(QUEUE);
        let (words, heard) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_all(&mut log, &queue, &words))?;
        Ok((Self { records }, heard))
    }

    /// Hands a record over. An error means that the thread has ended: its last word said why.
    pub(crate) fn write(&self, record: String) -> Result<(), WriterGone> {
        self.records.send(record).map_err(|_| WriterGone)
    }
}

/// The writer thread has ended.
#[derive(Debug)]
pub(crate) struct WriterGone;

fn write_all(log: &mut impl EventLog, queue: &blocking::Receiver<String>, words: &mpsc::Sender<Word>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        group.extend(queue.try_iter().take(GROUP - 1));
        let mut stalled = false;
        loop {
            let word = match log.append(&group) {
                Ok(seq) => Word::Durable(seq),
                Err(AppendError::Write { .. }) if stalled => {
                    std::thread::sleep(RETRY);
                    continue;
                }
                Err(error @ AppendError::Write { .. }) => {
                    stalled = true;
                    // Room that was set aside for this; a failure to free it changes nothing.
                    let _freed = log.release_ballast();
                    Word::Stalled(error.to_string())
                }
                Err(error) => Word::Fatal(error.to_string()),
            };
            let over = matches!(word, Word::Fatal(_));
            let again = matches!(word, Word::Stalled(_));
            if words.blocking_send(word).is_err() || over {
                return;
            }
            if !again {
                break;
            }
        }
    }
}
