import { parseArgs } from "node:util";

/** What baselines are started with. */
export const { values: settings } = parseArgs({
  options: {
    /** A JWK Set with the key that tokens are signed with. */
    keys: { type: "string", default: "" },
    /** Where MySQL or Redis is. */
    store: { type: "string", default: "" },
    /** The database there. */
    database: { type: "string", default: "" },
    /** Commits each step of a request by itself. */
    stepwise: { type: "boolean", default: false },
  },
});
