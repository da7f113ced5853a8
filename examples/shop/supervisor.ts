/**
 * A small shop in one process, and everything that goes wrong in it:
 *
 * - `server` hands out orders over HTTP; now and then its till is closed.
 * - `orders` is a supervisor: its `connection` fetches them, and takes `billing` along when it breaks; `billing` has them
 *   paid, and fails by itself at an expired card. While the till is closed they fail so often that `orders` gives up, and
 *   is restarted as a whole.
 * - `couriers` is a group, one for each parcel that `dispatch` sends; they pause when nobody is at home.
 * - `labels` prints labels and jams now and then: its missing heartbeat tells.
 * - `licence` fails until its supervisor gives it up for good.
 *
 * `npm start` runs it until Ctrl-C.
 */
import * as Supervisor from "effect-supervisor/Supervisor"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { couriers } from "./couriers.ts"
import { dispatch } from "./dispatch.ts"
import { labels } from "./labels.ts"
import { licence } from "./licence.ts"
import { orders } from "./orders.ts"
import { server } from "./server.ts"
import { Shop } from "./shop.ts"

// Started in this order, and stopped in reverse: the connection is gone before the server is.
export default Supervisor.run({
  name: "shop",
  tasks: [server, orders, couriers, dispatch, labels, licence]
}).pipe(
  Effect.provide([Shop.layer, FetchHttpClient.layer])
)
