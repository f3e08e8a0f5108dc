import "reflect-metadata";
import { webcrypto } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const lifetimeMs = 10 * 365 * 24 * 3_600_000;

/**
 * Makes the certificates of a mesh: `make-certificates.ts <directory> <host>…` writes `authority.pem`, and `mesh.pem`
 * with its key `mesh-key.pem`, good for those hosts and this machine itself. What is there is left as it is. The
 * authority's key is thrown away: for other hosts, begin anew.
 */
async function main([directory, ...hosts]: readonly string[]): Promise<void> {
  if (!directory || hosts.length === 0) throw new Error("usage: make-certificates.ts <directory> <host>…");
  if (existsSync(join(directory, "authority.pem"))) return;
  cryptoProvider.set(webcrypto as Crypto);
  await mkdir(directory, { recursive: true });

  const authorityKeys = await newKeys();
  const authority = await X509CertificateGenerator.createSelfSigned({
    name: "CN=giftmesh",
    ...validity(),
    keys: authorityKeys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, 0, true), new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true)],
  });
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: "CN=giftmesh service",
    issuer: authority.subject,
    ...validity(),
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: algorithm,
    extensions: await extensionsFor(hosts, authority),
  });
  const key = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");

  await writeFile(join(directory, "mesh.pem"), certificate.toString("pem"));
  await writeFile(join(directory, "mesh-key.pem"), `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n`);
  // Every container runs as a user of its own, and the directory is theirs alone.
  await chmod(join(directory, "mesh-key.pem"), 0o644);
  await writeFile(join(directory, "authority.pem"), authority.toString("pem"));
}

function newKeys() {
  return webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
}

function validity() {
  const notBefore = new Date(Date.now() - 3_600_000);
  return { notBefore, notAfter: new Date(notBefore.getTime() + lifetimeMs) };
}

async function extensionsFor(hosts: readonly string[], authority: X509Certificate) {
  const names = [...hosts, "localhost"].map((value) => ({ type: "dns", value }) as const);
  return [
    new BasicConstraintsExtension(false),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
    new SubjectAlternativeNameExtension([...names, { type: "ip", value: "127.0.0.1" }]),
    await AuthorityKeyIdentifierExtension.create(authority.publicKey),
  ];
}

await main(process.argv.slice(2));
