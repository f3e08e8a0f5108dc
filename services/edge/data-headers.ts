/** What browsers are told of every answer that is data: nothing in it is to be run, framed or kept. */
export const dataHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none';frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;
