/** What holds for every route, from the HTTP contract: the description of the whole, as Markdown. */
export const conventions = `
Wallets, gift cards, voucher codes, coupons and a shop paid from the balance. This page is made from the mesh's own
contracts, the \`.proto\` files; every operation can also be called by Connect, at the route that it names.

**Answers.** A success is \`{"success": true, "message": "…", "data": …}\`. A failure is
\`{"success": false, "message": "…", "code": "CHARGE_DECLINED", "request_id": "…"}\`: \`code\` is stable, \`message\` is for
people. Where fields are invalid (422), \`errors\` says what is wrong with each: \`{"amount": ["…"]}\`. Fields that are
not known are ignored.

**Signing in.** \`Authorization: Bearer <token>\`, with the \`token\` of \`POST /auth/login\`. Roles are \`user\`, \`vendor\`,
\`admin\` and \`super_admin\`, who may do all that an admin may.

**Values.** Money comes as a decimal string with its currency's own number of digits (\`"200.00"\` SAR, \`"200"\` KRW) and may
be sent as that or as a number. Instants are ISO 8601 in UTC with six digits. Ids are positive integers below 2^53.

**Lists.** \`per_page\` is 1 to 100, \`page\` counts from 1, and \`meta\` says where a page stands. \`page * per_page\` may not
go beyond 10,000: follow \`meta.next_cursor\` as \`cursor\` instead, which has no limit and costs the same on every page.

**Retries.** With an \`Idempotency-Key\` a POST, PUT, PATCH or DELETE may be sent again without a second effect: for
24 hours the first outcome is answered again. The same key with another request is 409 \`IDEMPOTENCY_KEY_REUSED\`.

**Rates.** Requests are counted per caller and minute, without a token per address; ten pictures count as one. One too
many is 429, and \`Retry-After\` says in how many seconds to come back; so it does with 503.
`.trim();
