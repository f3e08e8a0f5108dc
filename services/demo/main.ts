import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startDataPlatform } from "../data-platform-simulator/data-platform.ts";
import { serviceNames, startMesh } from "../mesh.ts";
import { readConfig } from "../platform/config.ts";
import { createLog } from "../platform/logging.ts";
import { countTheCards, giveAndOrder, giveAndRedeem } from "./gift-cards.ts";
import { sara, signUp } from "./people.ts";
import { buyAndCancel, openTheShop, rushForCoupons, seeWhatLeft, seeWhatSells } from "./shop.ts";
import { Story } from "./story.ts";
import { askForCodes, shortenedTimes } from "./vouchers.ts";
import { answerForTheMoney, chargeAndRead, signOut } from "./wallet.ts";

const dataPlatformSecret = "whsec_aGVyZSBpdCBpcyBubyBzZWNyZXQgYXQgYWxs";

/** Plays every flow that there is on a throw-away mesh, with the real requests and answers. */
async function main(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "giftmesh-demo-"));
  const dataPlatform = await startDataPlatform({ port: 0, secret: dataPlatformSecret });
  const admin = { username: "admin", password: "the admin's password" };
  const config = readConfig({
    DATA_DIR: directory,
    EDGE_PORT: "0",
    GRPC_PORT: "0",
    VOUCHER_PROVIDER_PORT: "0",
    VOUCHER_CALLBACK_PORT: "0",
    ...shortenedTimes,
    LOG_LEVEL: "error",
    ADMIN_PASSWORD: admin.password,
    DATA_PLATFORM_URL: dataPlatform.url,
    DATA_PLATFORM_SECRET: dataPlatformSecret,
    // Everybody in this story calls from one address.
    RATE_LIMIT_ANONYMOUS_PER_MINUTE: "1000",
  });
  const mesh = await startMesh(serviceNames, config, createLog(config));
  try {
    if (!mesh.edgeUrl) throw new Error("The edge is not running");
    const story = new Story(mesh.edgeUrl, admin);
    story.chapter("Sara signs up, and shows that her mailbox is hers");
    await signUp(story, sara);
    await chargeAndRead(story);
    const shop = await openTheShop(story);
    await rushForCoupons(story, shop);
    await buyAndCancel(story, shop);
    await seeWhatSells(story);
    await seeWhatLeft(story, dataPlatform.url);
    await giveAndRedeem(story);
    await giveAndOrder(story, shop);
    await countTheCards(story);
    await askForCodes(story, mesh.listening.get("VOUCHER_PROVIDER_PORT"));
    await answerForTheMoney(story);
    await signOut(story);
    story.tell("\nThat is all there is.");
  } finally {
    await mesh.stop();
    await dataPlatform.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
