import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import test from "ava";
import { buildOpenApi } from "./openapi.ts";
import type { Json, MediaType } from "./openapi-document.ts";
import { echoRegistry, repository } from "./testdata/echo-edge.ts";

const descriptors = readFileSync(join(repository, "gen/descriptors.binpb"));
const giftmesh = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const { paths } = buildOpenApi(giftmesh, { production: false });

/** What an answer looks like, by its route and status. */
const examples = new Map<string, Json>();
for (const [path, item] of Object.entries(paths)) {
  for (const [verb, { responses }] of Object.entries(item)) {
    for (const [status, answer] of Object.entries(responses)) {
      const content: Readonly<Record<string, MediaType>> = ("content" in answer && answer.content) || {};
      for (const { example } of Object.values(content)) {
        if (example !== undefined) examples.set(`${verb} ${path} ${status}`, example);
      }
    }
  }
}

test("no example is a text that says nothing", (t) => {
  for (const [answer, example] of examples) t.notRegex(JSON.stringify(example), /"string"/, answer);
});

test("an example is what a field's name, its comment or its namesakes say that it holds", (t) => {
  t.like(examples.get("post /auth/login 200"), {
    data: {
      token_type: "Bearer",
      expires_in: 900,
      user: { username: "sara", email: "sara@example.com", phone_number: "+966501234567", role: "user" },
    },
  });
  t.like(examples.get("post /members/{member_id}/points/charge 200"), {
    data: {
      balance: "200.00",
      currency: "SAR",
      transaction: { amount: "200.00", status: "completed", created_at: "2025-01-21T10:00:00.000000Z" },
    },
  });
});

test("a gift card's example is of one that nobody has redeemed yet, and can for long", (t) => {
  const { data } = examples.get("post /api/user/v3.1/gift-cards 201") as { readonly data: Record<string, Json> };
  t.like(data, {
    code: "GC7ZK3M9Q4T8W2X5YB",
    code_last4: "X5YB",
    gift_type: "wallet",
    gift_type_label: "Wallet Credit",
    sender: { id: 1, name: "Sara" },
    status: "active",
    status_label: "Active",
    redemption_method: "pending",
    wallet_transaction: null,
    order: null,
    redeemed_at: null,
    expires_at: "2099-12-31T23:59:59.999999Z",
  });
  t.false("notes" in data, "which are left out for all but admins");
});

test("a request's example says what it needs, of what is still to come", (t) => {
  const sent = (path: string) => {
    const { requestBody } = paths[path]?.post ?? {};
    return Object.values(requestBody?.content ?? {})[0]?.example;
  };
  t.like(sent("/api/user/v3.1/gift-cards"), { expires_at: "2099-12-31T23:59:59.999999Z" });
  t.deepEqual(sent("/admin-api/gift-cards/gift-cards/bulk-update-status"), { gift_card_ids: [1], status: "cancelled" });
});

test("a user is not named as the things of other packages are", (t) => {
  t.notRegex(JSON.stringify(examples.get("get /auth/me 200")), /Flowers/);
});

test("an answer's message is null only where its comment says that it can be unset", (t) => {
  const { components } = buildOpenApi(echoRegistry, { production: false });
  const part = "#/components/schemas/Part";
  t.like(components.schemas.Everything?.properties, {
    part: { anyOf: [{ $ref: part }, { type: "null" }] },
    parts: { type: "array", items: { $ref: part } },
    expires_at: { type: ["string", "null"] },
    starts_at: { type: "string" },
    kind: { $ref: "#/components/schemas/Kind" },
    maybe_kind: { anyOf: [{ $ref: "#/components/schemas/Kind" }, { type: "null" }] },
  });
});
