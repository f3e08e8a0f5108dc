import { admins } from "./admins.ts";
import { bulk } from "./bulk.ts";
import { callFlow } from "./call-flow.ts";
import { counting } from "./counting.ts";
import { creating } from "./creating.ts";
import { expiry } from "./expiry.ts";
import { reading } from "./reading.ts";
import { redeeming } from "./redeeming.ts";
import { retries } from "./retries.ts";
import { seeds } from "./seeds.ts";
import { vendors } from "./vendors.ts";
import { who } from "./who.ts";

/** Every theme about gift cards. */
export const cardThemes = [
  seeds,
  callFlow,
  creating,
  reading,
  redeeming,
  vendors,
  admins,
  bulk,
  counting,
  expiry,
  who,
  retries,
];
