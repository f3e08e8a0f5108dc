import { normalizeIP } from "@fastify/rate-limit";

/** The network that an IP address stands for one caller of: in IPv6 the /64 of a site (RFC 6177), else the address. */
export function networkOf(address: string): string {
  return normalizeIP(address);
}
