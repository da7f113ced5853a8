/** One supervised task. */
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Task from "effect-supervisor/Task"
import * as Effect from "effect/Effect"

Effect.runFork(Supervisor.run({ tasks: [Task.make("one", Effect.never)] }))
