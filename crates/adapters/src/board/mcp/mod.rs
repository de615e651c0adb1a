//! A board behind a server of the Model Context Protocol. The connection is made when it is needed, and again after it was
//! lost. Knows nothing of tasks.

mod dialect;
mod http;
mod rows;
mod server;
mod session;

use dialect::{Dialect, Tools, recognise, takes};
use ppe_core::board::without_progress;
use ppe_core::card::{Card, Column};
use ppe_core::text::shown;
use ppe_engine::ports::{BoardError, CardChange, CardText, Changed};
use serde_json::{Map, Value, json};
use session::Session;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// Cards that a board may have.
const MOST: usize = 5_000;
/// Rows that a page is asked for.
const PAGE: usize = 100;
/// Pages that are read at most: some servers give fewer rows than they are asked for.
const MOST_PAGES: usize = 500;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A program with its arguments.
    Server(Vec<String>),
    /// An address.
    Url(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(argv) => f.write_str(&argv.join(" ")),
            Self::Url(url) => f.write_str(url),
        }
    }
}

/// How a board is reached.
#[derive(Clone, Debug)]
pub struct McpSettings {
    /// Where it is.
    pub place: Place,
    /// Its project by id, where that is not the only one.
    pub project: Option<String>,
    /// What lets us in at an address.
    pub token: Option<String>,
    /// The whole environment of a program.
    pub env: BTreeMap<String, String>,
    /// Where a program is started.
    pub folder: PathBuf,
    /// How long one call may take.
    pub limit: Duration,
    /// The file for what it complains of; none keeps nothing.
    pub complaints: Option<PathBuf>,
}

/// A connection whose words and project are known.
struct Open {
    session: Session,
    dialect: &'static Dialect,
    project: Option<String>,
    /// How the board itself writes its columns, as far as they were seen.
    seen: std::sync::Mutex<BTreeMap<Column, String>>,
}

/// The board.
pub struct McpBoard {
    settings: McpSettings,
    open: Mutex<Option<Arc<Open>>>,
}

impl McpBoard {
    /// A board that is reached so; nothing is done yet.
    pub fn new(settings: McpSettings) -> Self {
        Self { settings, open: Mutex::new(None) }
    }

    /// What it is, in words: its kind, and its project where it has some.
    pub async fn kind(&self) -> Result<String, BoardError> {
        let open = self.open().await?;
        let project = open.project.as_ref().map_or_else(String::new, |id| format!(", project {}", shown(id)));
        Ok(format!("{}{project}", open.dialect.name))
    }

    /// Its cards.
    pub(super) async fn cards(&self, column: Option<Column>) -> Result<Vec<Card>, BoardError> {
        let open = self.open().await?;
        let listed = open.list(column).await;
        let rows = self.unless_lost(listed).await?;
        // A board that shows no single card shows everything in its list.
        let text = |row: &Value| open.dialect.get.is_none().then(|| rows::description(row));
        let card = |row| Some(Card { description: text(row), ..rows::card(row, open.dialect.column)? });
        let cards = rows.iter().filter_map(card);
        Ok(cards.filter(|card| column.is_none() || card.column == column).collect())
    }

    /// What all cards say, where its list shows that.
    pub(super) async fn texts(&self) -> Result<Option<BTreeMap<String, CardText>>, BoardError> {
        let open = self.open().await?;
        if open.dialect.get.is_some() {
            return Ok(None);
        }
        let listed = open.list(None).await;
        let rows = self.unless_lost(listed).await?;
        Ok(Some(rows.iter().filter_map(|row| Some((rows::id(row)?, open.text(row)))).collect()))
    }

    /// A card as it is.
    pub(super) async fn card(&self, id: &str) -> Result<CardText, BoardError> {
        let open = self.open().await?;
        let shown = open.show(id).await;
        let row = self.unless_lost(shown).await?;
        Ok(open.text(&row))
    }

    /// Changes a card.
    pub(super) async fn change(&self, id: &str, change: CardChange) -> Result<Changed, BoardError> {
        let open = self.open().await?;
        let changed = open.change(id, change).await;
        self.unless_lost(changed).await
    }

    /// The connection, made anew where there is none.
    async fn open(&self) -> Result<Arc<Open>, BoardError> {
        let mut open = self.open.lock().await;
        if let Some(open) = &*open {
            return Ok(Arc::clone(open));
        }
        let made = Arc::new(Open::new(&self.settings).await?);
        *open = Some(Arc::clone(&made));
        Ok(made)
    }

    /// Passes an answer on; a connection that is of no use any more is let go.
    async fn unless_lost<T>(&self, answer: Result<T, BoardError>) -> Result<T, BoardError> {
        if matches!(answer, Err(BoardError::Lost(_))) {
            *self.open.lock().await = None;
        }
        answer
    }
}

impl Open {
    async fn new(settings: &McpSettings) -> Result<Self, BoardError> {
        let session = Session::open(settings).await?;
        let Some(dialect) = recognise(&session.tools) else {
            let names: Vec<_> = session.tools.keys().map(String::as_str).collect();
            let names = rows::told(&names.join(", "));
            return Err(BoardError::Lost(format!(
                "{} is no board that is known; it has {names}",
                settings.place
            )));
        };
        let mut open =
            Self { session, dialect, project: settings.project.clone(), seen: std::sync::Mutex::default() };
        if open.project.is_none() && open.takes(dialect.list, dialect.project.0) {
            open.project = Some(open.only_project().await?);
        }
        Ok(open)
    }

    fn tools(&self) -> &Tools {
        &self.session.tools
    }

    fn takes(&self, tool: &str, argument: &str) -> bool {
        takes(self.tools(), tool, argument)
    }

    async fn call(&self, tool: &str, with: Value) -> Result<Value, BoardError> {
        let with = match with {
            Value::Object(with) => with,
            _ => Map::new(),
        };
        let (text, failed) = self.session.call(tool, with).await?;
        rows::understood(&text, failed)
    }

    /// The only project there is.
    async fn only_project(&self) -> Result<String, BoardError> {
        let (_, tool, key) = self.dialect.project;
        let mut found = Vec::new();
        let over = if self.takes(tool, "organization_id") && self.tools().contains_key("list_organizations") {
            Some(("list_organizations", "organizations", "organization_id"))
        } else if self.takes(tool, "workspace_id") {
            Some(("list_workspaces_kandev", "workspaces", "workspace_id"))
        } else {
            None
        };
        match over {
            None => found.extend(rows::rows(&self.call(tool, json!({})).await?, key).to_vec()),
            Some((above, above_key, argument)) => {
                let above = self.call(above, json!({})).await?;
                for id in rows::rows(&above, above_key).iter().filter_map(rows::id) {
                    found.extend(rows::rows(&self.call(tool, json!({argument: id})).await?, key).to_vec());
                }
            }
        }
        let named = |row: &Value| {
            let name = row.get("name").and_then(Value::as_str).unwrap_or_default();
            Some((rows::id(row)?, shown(&ppe_core::wording::first_line(name, 80)).into_owned()))
        };
        let mut projects: Vec<_> = found.iter().filter_map(named).collect();
        match projects.len() {
            0 => Err(BoardError::Lost("the board has no project".to_owned())),
            1 => Ok(projects.remove(0).0),
            _ => {
                let names: Vec<_> = projects.iter().map(|(id, name)| format!("{name} ({id})")).collect();
                let names = names.join(", ");
                Err(BoardError::Lost(format!(
                    "the board has several projects, name one in board.project: {names}"
                )))
            }
        }
    }

    /// All rows, of one column where the board can tell them apart. A list that cannot be had whole is an error: a card
    /// that was cut off would be taken for one that is not there.
    async fn list(&self, column: Option<Column>) -> Result<Vec<Value>, BoardError> {
        let tool = self.dialect.list;
        let paged = self.takes(tool, "offset");
        let mut with = self.list_arguments(column, paged);
        let mut all: Vec<Value> = Vec::new();
        for _ in 0..MOST_PAGES {
            if paged {
                with["offset"] = json!(all.len());
            }
            let answer = self.call(tool, with.clone()).await?;
            let page = rows::rows(&answer, self.dialect.rows);
            self.learn(page);
            all.extend_from_slice(page);
            if all.len() > MOST {
                break;
            }
            let (shown, ended) = (all.len(), !paged || page.is_empty());
            match rows::total(&answer) {
                Some(total) if shown < total && ended => {
                    let why = format!("it lists {shown} cards, and says that there are {total}");
                    return Err(BoardError::Refused(why));
                }
                Some(total) if shown < total => {}
                // A list that does not say how long it is ends with an empty page.
                None if !ended => {}
                Some(_) | None => return Ok(all),
            }
        }
        let why = format!("it has more than {MOST} cards, or lists them in more than {MOST_PAGES} pages");
        Err(BoardError::Refused(why))
    }

    fn list_arguments(&self, column: Option<Column>, paged: bool) -> Value {
        let tool = self.dialect.list;
        let mut with = json!({});
        if let Some(project) = self.project.as_ref().filter(|_| self.takes(tool, self.dialect.project.0)) {
            with[self.dialect.project.0] = json!(project);
        }
        if let Some(column) = column.filter(|_| self.takes(tool, "status")) {
            with["status"] = json!(self.spelled(column));
        }
        if self.takes(tool, "limit") {
            // One more than there may be shows that there are too many.
            with["limit"] = json!(if paged { PAGE } else { MOST + 1 });
        }
        with
    }

    async fn show(&self, id: &str) -> Result<Value, BoardError> {
        let Some((tool, key)) = self.dialect.get else {
            let rows = self.list(None).await?;
            let found = rows.into_iter().find(|row| rows::id(row).as_deref() == Some(id));
            return found.ok_or_else(|| BoardError::Refused(format!("there is no card {id}")));
        };
        let mut answer = self.call(tool, json!({self.dialect.id: id})).await?;
        Ok(answer.get_mut(key).map_or(Value::Null, Value::take))
    }

    fn text(&self, row: &Value) -> CardText {
        CardText { column: rows::column(row, self.dialect.column), description: rows::description(row) }
    }

    async fn change(&self, id: &str, change: CardChange) -> Result<Changed, BoardError> {
        // What a person wrote must stay as it is: where an at sign of theirs would be replaced, nothing is written.
        let safe = |text: &String| !self.dialect.expands_tags || !has_tag(&without_progress(text));
        let is_kept = change.description.as_ref().is_some_and(|text| !safe(text));
        let changed = if is_kept { Changed::TextKept } else { Changed::All };
        let description = change.description.filter(safe);
        let column = change.column.map(|column| self.spelled(column));
        let text = description.map(|text| json!({self.dialect.id: id, "description": text}));
        let shift = column.map(|column| json!({self.dialect.id: id, self.dialect.column: column}));
        if self.dialect.change == self.dialect.shift {
            let Some(mut both) = text.clone().or_else(|| shift.clone()) else { return Ok(changed) };
            if let Some(shift) = shift {
                both[self.dialect.column] = shift[self.dialect.column].clone();
            }
            return self.call(self.dialect.change, both).await.map(|_| changed);
        }
        for (tool, with) in [(self.dialect.shift, shift), (self.dialect.change, text)] {
            if let Some(with) = with {
                self.call(tool, with).await?;
            }
        }
        Ok(changed)
    }

    /// How a column is written: as the board does where it has names of its own, else as its dialect does.
    fn spelled(&self, column: Column) -> String {
        let seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let own = seen.get(&column).filter(|_| self.dialect.own_names).cloned();
        own.unwrap_or_else(|| self.dialect.spelled(column).to_owned())
    }

    fn learn(&self, page: &[Value]) {
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for row in page {
            let word = row.get(self.dialect.column).and_then(Value::as_str);
            if let (Some(word), Some(column)) = (word, rows::column(row, self.dialect.column)) {
                seen.entry(column).or_insert_with(|| word.to_owned());
            }
        }
    }
}

/// Whether a text has an at sign before a word.
fn has_tag(text: &str) -> bool {
    text.split('@').skip(1).any(|after| after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
}
