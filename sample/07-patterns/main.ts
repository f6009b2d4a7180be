import { playAgenda, DigestTasks } from './beyond/agenda.js';
import { playCooldown, RefreshTasks } from './beyond/cooldown.js';
import { IndexTasks, playDebounce } from './beyond/debounce.js';
import { playProgress, UploadTasks } from './beyond/progress.js';
import { NotificationTasks, playRateLimit } from './beyond/rate-limit.js';
import { BehaviourTasks, playConditional } from './chains/conditional.js';
import { DatasetTasks, playFanOut } from './chains/fan-out.js';
import { ImportTasks, playSequential } from './chains/sequential.js';
import { playMonitoring, ReportTasks } from './concurrency/monitoring.js';
import { ExportTasks, playMultiLevel } from './concurrency/multi-level.js';
import { CustomerTasks, playPerCustomer } from './concurrency/per-customer.js';
import { BackupTasks, playPerDatabase } from './concurrency/per-database.js';
import { MediaTasks, playPerOperation } from './concurrency/per-operation.js';
import { playPerService, ServiceTasks } from './concurrency/per-service.js';
import { playScopes, TenantTasks } from './concurrency/scopes.js';
import { OwnTasks, playBuiltInTasks } from './logging/built-in-tasks.js';
import { BulkTasks, playCollectionLengths } from './logging/collection-lengths.js';
import { LoggedPaymentTasks, playLoggedArguments } from './logging/logged-arguments.js';
import { PipelineTasks, playTaskLogger } from './logging/task-logger.js';
import { playAdaptiveRateLimiter, RateTasks } from './perpetual/adaptive-rate-limiter.js';
import { CleanupTasks, playBackgroundCleanup } from './perpetual/background-cleanup.js';
import { OrderTasks, playFindAndFlood } from './perpetual/find-and-flood.js';
import { HealthTasks, playHealthCheck } from './perpetual/health-check.js';
import { DeploymentTasks, playMonitorDeployment } from './perpetual/monitor-deployment.js';
import { playResilientSync, SyncTasks } from './perpetual/resilient-sync.js';
import { findPlace, type Place } from './stage/place.js';
import { scene, type Scene } from './stage/stage.js';
import { playByParameter, ShopTasks } from './strikes/by-parameter.js';
import { PaymentTasks, playHoldAndRestore } from './strikes/hold-and-restore.js';
import { HeartbeatTasks, playStruckHeartbeat } from './strikes/struck-heartbeat.js';
import { FraudTasks, playTaskAndParameter } from './strikes/task-and-parameter.js';
import { MaintenanceTasks, playWholeTask } from './strikes/whole-task.js';

const CHAPTERS: Record<string, Scene[]> = {
  'Perpetual tasks': [
    scene('Basic: a health check every 150 ms', HealthTasks, playHealthCheck),
    scene('Automatic startup: a cleanup that nobody adds', CleanupTasks, playBackgroundCleanup),
    scene('Self-cancelling: a deployment is watched to its end', DeploymentTasks, playMonitorDeployment),
    scene('Dynamic parameters: a rate that follows the load', RateTasks, playAdaptiveRateLimiter),
    scene('Error resilience: a source that is down now and then', SyncTasks, playResilientSync),
    scene('Find & flood: one looks for orders, many process them', OrderTasks, playFindAndFlood),
  ],
  'Striking and restoring': [
    scene('A whole task: maintenance', MaintenanceTasks, playWholeTask),
    scene('By the value of a parameter', ShopTasks, playByParameter),
    scene('A task and its parameters: either condition is enough', FraudTasks, playTaskAndParameter),
    scene('Hold and restore, with a reason, and with an end', PaymentTasks, playHoldAndRestore),
    scene('A perpetual task skips runs', HeartbeatTasks, playStruckHeartbeat),
  ],
  Logging: [
    scene('Arguments: those with @Logged()', LoggedPaymentTasks, playLoggedArguments),
    scene('Collections: their lengths', BulkTasks, playCollectionLengths),
    scene("context.logger: the task's fields in every line", PipelineTasks, playTaskLogger),
    scene('Built-in tasks: trace, fail, sleep', OwnTasks, playBuiltInTasks),
  ],
  Chains: [
    scene('Sequential: each task adds the next', ImportTasks, playSequential),
    scene('Fan-out, and one task when all have ended', DatasetTasks, playFanOut),
    scene('Conditional: what to do next, and when', BehaviourTasks, playConditional),
  ],
  'Concurrency limits': [
    scene('Basic: 1 per customer', CustomerTasks, playPerCustomer),
    scene('2 per database', BackupTasks, playPerDatabase),
    scene('5 per service', ServiceTasks, playPerService),
    scene('3 per operation, a property of the argument', MediaTasks, playPerOperation),
    scene('Scopes: two tasks share a limit', TenantTasks, playScopes),
    scene('Multi-level: 1 per user, 2 per type and 3 per region', ExportTasks, playMultiLevel),
    scene('Monitoring: queue.limits()', ReportTasks, playMonitoring),
  ],
  'Beyond the seed': [
    scene('Rate limit', NotificationTasks, playRateLimit),
    scene('Cooldown', RefreshTasks, playCooldown),
    scene('Debounce', IndexTasks, playDebounce),
    scene('Agenda', DigestTasks, playAgenda),
    scene('Progress', UploadTasks, playProgress),
  ],
};

async function play(place: Place): Promise<void> {
  const since = performance.now();
  console.log(`Patterns, ${place.label}`);
  for (const [chapter, scenes] of Object.entries(CHAPTERS)) {
    console.log(`\n${chapter}`);
    for (const each of scenes) {
      console.log(`\n   ${each.title}`);
      await each.perform(place);
    }
  }
  const seconds = ((performance.now() - since) / 1_000).toFixed(0);
  console.log(`\nAll ${Object.values(CHAPTERS).flat().length} scenes were played. (${seconds} s)`);
}

const place = findPlace();
process.once('SIGINT', () => void place.clean().finally(() => process.exit(130)));
try {
  await play(place);
} finally {
  await place.clean();
}
