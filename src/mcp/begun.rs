//! Tasks of wrapped servers, and the tools that began them. What holds for a tool holds for its tasks: whoever may call it no
//! longer gets nothing of them, and nobody gets those of others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use belgie_api::{Caller, ClientId, GrantBinding, UserId};
use rmcp::ErrorData;
use rmcp::model::JsonObject;

use crate::access::Guard;

/// How many tasks are remembered; the oldest goes first.
const REMEMBERED: usize = 4_096;
/// How many of one person.
const OF_ONE: usize = 128;
/// The longest id that is remembered, in bytes.
const MAX_ID: usize = 1_024;

/// A task with what it comes from.
#[derive(Clone)]
pub(crate) struct Task {
    user: UserId,
    client: ClientId,
    binding: GrantBinding,
    tool: Box<str>,
    /// Everything that stood before the tool.
    pub(crate) guard: Arc<Guard>,
    /// The arguments of the call, as far as the guard looks at them.
    pub(crate) arguments: Option<JsonObject>,
}

/// The tasks that are remembered, by the name of their server and their id.
#[derive(Default)]
pub(crate) struct Begun(Mutex<Tasks>);

type Key = (&'static str, Box<str>);

#[derive(Default)]
struct Tasks {
    by_id: HashMap<Key, Task>,
    /// The oldest first.
    order: VecDeque<Key>,
}

impl Task {
    /// A task that a call of this caller has begun.
    pub(crate) fn new(caller: &Caller, tool: &str, guard: Arc<Guard>, arguments: Option<JsonObject>) -> Self {
        let (user, client) = (caller.user().id, caller.client().id.clone());
        Self { user, client, binding: caller.principal().binding().clone(), tool: tool.into(), guard, arguments }
    }

    /// Whether it was begun by this person through this client, for whom the client acts now.
    pub(crate) fn is_of(&self, caller: &Caller) -> bool {
        self.user == caller.user().id
            && self.client == caller.client().id
            && self.binding == *caller.principal().binding()
    }
}

impl Begun {
    /// Remembers a task.
    ///
    /// # Errors
    /// When the server has given the id to somebody else's task, or to that of another tool: nobody could say any more what
    /// stands before it.
    pub(crate) fn note(&self, server: &'static str, id: &str, task: Task) -> Result<(), ErrorData> {
        let mut tasks = self.tasks();
        let key = (server, Box::from(id));
        let is_same = |known: &Task| {
            known.user == task.user
                && known.client == task.client
                && known.binding == task.binding
                && known.tool == task.tool
        };
        match tasks.by_id.get(&key) {
            _ if id.len() > MAX_ID => {
                Err(ErrorData::internal_error("The server behind the gateway gave a task id that is too long", None))
            }
            Some(known) if is_same(known) => Ok(()),
            Some(_) => Err(ErrorData::internal_error("The server behind the gateway gave one task id twice", None)),
            None => {
                tasks.make_room(task.user);
                tasks.order.push_back(key.clone());
                tasks.by_id.insert(key, task);
                Ok(())
            }
        }
    }

    /// What a task comes from; `None` for one that is not remembered.
    pub(crate) fn find(&self, server: &'static str, id: &str) -> Option<Task> {
        self.tasks().by_id.get(&(server, Box::from(id))).cloned()
    }

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tasks {
    /// Forgets the oldest of a person who has too many, so that nobody makes us forget those of others, and else the oldest
    /// of all when there are too many.
    fn make_room(&mut self, user: UserId) {
        let is_theirs = |key: &Key| self.by_id.get(key).is_some_and(|task| task.user == user);
        let theirs = self.order.iter().filter(|key| is_theirs(key)).count();
        let oldest = match theirs >= OF_ONE {
            true => self.order.iter().position(is_theirs),
            false => (self.order.len() >= REMEMBERED).then_some(0),
        };
        if let Some(key) = oldest.and_then(|index| self.order.remove(index)) {
            self.by_id.remove(&key);
        }
    }
}
