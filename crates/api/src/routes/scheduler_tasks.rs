//! `GET /.backstage/scheduler/v1/tasks`, and `POST …/tasks/{id}/trigger` and `…/cancel`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use callboard_engine::{Catalog, TaskDescription, TaskState, WorkerState};
use callboard_permissions::Permission;
use callboard_sdk::{Frequency, TaskSchedule, TaskScheduler as _, TaskScope};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::error::ApiError;
use crate::openapi::schemas::ErrorBody;
use crate::request::PathParameters;
use crate::response::tagged_json;

/// The scheduled tasks
///
/// What the server does from time to time, and when. Query parameters are ignored.
#[utoipa::path(
    get,
    path = "/.backstage/scheduler/v1/tasks",
    tag = "processing",
    operation_id = "listScheduledTasks",
    responses((status = 200, description = "The tasks.", body = TasksBody))
)]
pub(crate) async fn get(State(catalog): State<Catalog>, caller: Caller) -> Result<Response, ApiError> {
    caller.authorize(Permission::INGESTION_READ).await?;
    let tasks = catalog.scheduler().tasks().await?;
    let tasks = tasks.iter().map(TaskBody::of).collect();
    Ok(tagged_json(StatusCode::OK, &TasksBody { tasks }))
}

/// Run a task now
///
/// Whatever its schedule says. The answer does not wait for its end.
#[utoipa::path(
    post,
    path = "/.backstage/scheduler/v1/tasks/{id}/trigger",
    tag = "processing",
    operation_id = "triggerScheduledTask",
    params(("id" = String, Path, description = "`taskId` of the task.", min_length = 1)),
    responses(
        (status = 200, description = "Done."),
        (status = 404, description = "There is no such task.", body = ErrorBody),
        (status = 409, description = "It runs already.", body = ErrorBody),
    )
)]
pub(crate) async fn trigger(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Result<StatusCode, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    catalog.scheduler().trigger(&id).await?;
    Ok(StatusCode::OK)
}

/// Cut off the run of a task
///
/// Its next run is that of its schedule.
#[utoipa::path(
    post,
    path = "/.backstage/scheduler/v1/tasks/{id}/cancel",
    tag = "processing",
    operation_id = "cancelScheduledTask",
    params(("id" = String, Path, description = "`taskId` of the task.", min_length = 1)),
    responses(
        (status = 200, description = "Done."),
        (status = 404, description = "There is no such task.", body = ErrorBody),
        (status = 409, description = "It does not run.", body = ErrorBody),
    )
)]
pub(crate) async fn cancel(
    State(catalog): State<Catalog>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Result<StatusCode, ApiError> {
    caller.authorize(Permission::INGESTION_MANAGE).await?;
    catalog.scheduler().cancel(&id).await?;
    Ok(StatusCode::OK)
}

/// Scheduled tasks.
#[derive(Serialize, ToSchema)]
#[schema(as = ScheduledTasks)]
struct TasksBody {
    tasks: Vec<TaskBody>,
}

/// A scheduled task.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ScheduledTask)]
struct TaskBody {
    task_id: String,
    plugin_id: &'static str,
    scope: &'static str,
    settings: SettingsBody,
    task_state: Option<StateBody>,
    worker_state: WorkerBody,
}

/// When it runs. Durations are written as in ISO 8601.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TaskSettings)]
struct SettingsBody {
    version: u8,
    cadence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    initial_delay_duration: Option<String>,
    timeout_after_duration: String,
}

/// What is known of its runs.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TaskState)]
struct StateBody {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    times_out_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    starts_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    last_run_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    last_run_ended_at: Option<String>,
}

/// What this server does with it.
#[derive(Serialize, ToSchema)]
#[schema(as = TaskWorker)]
struct WorkerBody {
    status: &'static str,
}

impl TaskBody {
    fn of(task: &TaskDescription) -> Self {
        let status = match task.worker {
            WorkerState::InitialWait => "initial-wait",
            WorkerState::Idle => "idle",
            WorkerState::Running => "running",
        };
        Self {
            task_id: task.id.clone(),
            plugin_id: "catalog",
            scope: match task.schedule.scope {
                TaskScope::Global => "global",
                TaskScope::Local => "local",
            },
            settings: SettingsBody::of(&task.schedule),
            task_state: task.state.as_ref().map(StateBody::of),
            worker_state: WorkerBody { status },
        }
    }
}

impl SettingsBody {
    fn of(schedule: &TaskSchedule) -> Self {
        Self {
            version: 2,
            cadence: match &schedule.frequency {
                Frequency::Every(period) => iso(*period),
                Frequency::Cron(cron) => cron.as_str().to_owned(),
                Frequency::Manual => "manual".to_owned(),
            },
            initial_delay_duration: (!schedule.initial_delay.is_zero()).then(|| iso(schedule.initial_delay)),
            timeout_after_duration: iso(schedule.timeout),
        }
    }
}

impl StateBody {
    fn of(state: &TaskState) -> Self {
        Self {
            status: if state.run.is_some() { "running" } else { "idle" },
            started_at: state.run.map(|(started, _)| text(started)),
            times_out_at: state.run.map(|(_, expires)| text(expires)),
            starts_at: state.next_run.filter(|_| state.run.is_none()).map(text),
            // An error as JSON within JSON.
            last_run_error: state
                .last_error
                .as_ref()
                .map(|message| json!({ "name": "Error", "message": message }).to_string()),
            last_run_ended_at: state.last_ended.map(text),
        }
    }
}

fn iso(duration: std::time::Duration) -> String {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX).to_string()
}

fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}
