/**
 * A small shop in one process, and everything that goes wrong in it:
 *
 * - `server` hands out orders over HTTP; one request in ten it refuses.
 * - `poller` fetches them: a refusal fails it, a second later it polls again.
 * - `billing` has them paid: an expired card fails it by a typed error.
 * - `labels` prints labels and jams now and then: its missing heartbeat tells.
 * - `licence` fails until its supervisor gives it up for good.
 *
 * `npm start` runs it until Ctrl-C.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { billing } from "./billing.ts"
import { labels } from "./labels.ts"
import { licence } from "./licence.ts"
import { poller } from "./poller.ts"
import { server } from "./server.ts"
import { Shop } from "./shop.ts"

// Started in this order, and stopped in reverse: the poller is gone before the server is.
export default Supervisor.run({
  name: "shop",
  tasks: [server, poller, billing, labels, licence]
}).pipe(
  Effect.provide([Shop.layer, FetchHttpClient.layer])
)
