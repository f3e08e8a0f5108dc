import { readFileSync } from "node:fs";
import { Duplex } from "node:stream";
import { type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  type Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  type StatusObject,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";

const descriptors = new URL("../../../gen/descriptors.binpb", import.meta.url);

/** Every server serves it beside its own. */
const health = "grpc.health.v1.Health";

/** The two services that there are for it, which are the same but for their names. */
const packages = ["grpc.reflection.v1", "grpc.reflection.v1alpha"] as const;

const method = "ServerReflectionInfo";

/** What the library would put into a server. */
interface Reflection {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
}

/**
 * Tells gRPC clients what these services look like, and the one that tells of their health. That is made once somebody asks: it would be a third of every start,
 * and 17 MB of memory.
 */
export function addReflection(server: Server, services: readonly DescService[]): void {
  let made: Promise<ReadonlyMap<string, Reflection>> | undefined;
  for (const name of packages) {
    const path = `/${name}.ServerReflection/${method}`;
    const handle = (stream: ServerDuplexStream<Buffer, Buffer>) => {
      made ??= makeReflections(services);
      made.then(
        (reflections) => answer(stream, reflections.get(path) as Reflection),
        (error) => {
          // Whoever asks next has it tried again.
          made = undefined;
          fail(stream, status.INTERNAL, String(error));
        },
      );
    };
    server.register(path, handle, same, same, "bidi");
  }
}

async function makeReflections(services: readonly DescService[]): Promise<ReadonlyMap<string, Reflection>> {
  const { ReflectionService } = await import("@grpc/reflection");
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors));
  const fileDescriptorProtos = file.map((one) => Buffer.from(toBinary(FileDescriptorProtoSchema, one)));
  // Of a package definition of proto-loader, the files are all that it reads.
  const files = { files: { fileDescriptorProtos } } as unknown as ConstructorParameters<typeof ReflectionService>[0];
  const reflections = new Map<string, Reflection>();
  new ReflectionService(files, { services: [...services.map((one) => one.typeName), health] }).addToServer({
    addService(definition, implementation) {
      reflections.set(definition[method]?.path ?? "", { definition, implementation });
    },
  });
  return reflections;
}

function answer(stream: ServerDuplexStream<Buffer, Buffer>, { definition, implementation }: Reflection): void {
  const { requestDeserialize, responseSerialize } = definition[method] as ServiceDefinition[string];
  const messages = new Duplex({
    objectMode: true,
    read: () => undefined,
    write: (response, _, done) => {
      // Whether it arrives is between the stream and who asked, who may have gone.
      stream.write(responseSerialize(response));
      done();
    },
    final: (done) => {
      stream.end();
      done();
    },
  });
  (implementation[method] as unknown as (messages: Duplex) => void)(messages);
  stream.on("end", () => messages.push(null));
  stream.on("data", (bytes: Buffer) => {
    try {
      messages.push(requestDeserialize(bytes));
    } catch {
      fail(stream, status.INVALID_ARGUMENT, "The request is not a ServerReflectionRequest");
    }
  });
}

function fail(stream: ServerDuplexStream<Buffer, Buffer>, code: status, details: string): void {
  stream.emit("error", { code, details } satisfies Partial<StatusObject>);
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
