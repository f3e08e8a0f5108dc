import test from "ava";
import { readConfig } from "./config.ts";

test("the addresses of services are read, and of nothing else: an environment has other programs' too", (t) => {
  const { addresses } = readConfig({
    GIFT_CARD_ADDR: "cards:50051",
    WALLET_ADDR: "wallet:50051",
    VOUCHER_ADDR: "",
    VAULT_ADDR: "https://vault:8200",
    NOMAD_ADDR: "http://127.0.0.1:4646",
  });
  t.deepEqual(addresses, { "gift-card": "cards:50051", wallet: "wallet:50051" });
});
