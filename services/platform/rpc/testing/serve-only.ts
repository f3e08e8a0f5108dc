import type { DescService } from "@bufbuild/protobuf";
import type { Handlers, Served } from "../handler.ts";

/** Serves the RPCs of a service that a test is about; the others fail. */
export function serveOnly<S extends DescService>(service: S, handlers: Partial<Handlers<S>>): Served {
  const notHere = async (): Promise<never> => {
    throw new Error("Not part of this test");
  };
  const others = Object.fromEntries(service.methods.map((method) => [method.localName, notHere]));
  return { service, handlers: { ...others, ...handlers } };
}
