// A client of AceBridge in JavaScript. It loads the .proto files at run time, so nothing is generated.
//
//     npm install
//     node client.mjs make 127.0.0.1:50710 "warm pop, electric piano" song.wav --seconds 8 --seed 7
//     node client.mjs resume 127.0.0.1:50710 JOB SEQUENCE song.wav
//     node client.mjs cancel 127.0.0.1:50710 JOB
//     node client.mjs jobs 127.0.0.1:50710
//
// The token of the daemon is read from the environment, ACEBRIDGE_TOKEN, or from the file `token` in the data folder.
// `make` prints the id of its job, and the number of each event. When it is interrupted, the job goes on: `resume` takes both and
// writes the rest into the same file.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTOS = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "..", "protos");
const FILES = ["acebridge/v1/tasks.proto", "acebridge/v1/jobs.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"];

// keepCase: fields keep the names of the contract. longs: no number of the contract is larger than 2^53.
const definition = protoLoader.loadSync(FILES, {
  includeDirs: [PROTOS], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true,
});
const { acebridge: { v1 } } = grpc.loadPackageDefinition(definition);

/** The data folder of AceBridge. */
function dataFolder() {
  const { ACEBRIDGE_HOME, XDG_DATA_HOME, LOCALAPPDATA } = process.env;
  if (ACEBRIDGE_HOME) return ACEBRIDGE_HOME;
  if (process.platform === "win32") return path.join(LOCALAPPDATA ?? "", "acebridge");
  if (process.platform === "darwin") return path.join(os.homedir(), "Library", "Application Support", "acebridge");
  return path.join(XDG_DATA_HOME || path.join(os.homedir(), ".local", "share"), "acebridge");
}

/** The token that the daemon wants from us; empty when there is none that we may read. */
function readToken() {
  if (process.env.ACEBRIDGE_TOKEN) return process.env.ACEBRIDGE_TOKEN;
  try {
    return fs.readFileSync(path.join(dataFolder(), "token"), "ascii");
  } catch {
    return "";
  }
}

/** Adds the token to the metadata of every call. */
const sendToken = (options, nextCall) =>
  new grpc.InterceptingCall(nextCall(options), {
    start(metadata, listener, next) {
      const token = readToken(); // again for each call: a daemon that was started again has another one
      if (token) metadata.set("authorization", `Bearer ${token}`);
      next(metadata, listener);
    },
  });

/** The services of a daemon. */
function connect(address) {
  const credentials = grpc.credentials.createInsecure();
  const options = { interceptors: [sendToken], "grpc.enable_http_proxy": 0 };
  return { tasks: new v1.TaskService(address, credentials, options), jobs: new v1.JobService(address, credentials, options) };
}

/** Make a call with one answer. */
function call(service, method, request) {
  return new Promise((resolve, reject) => {
    service[method](request, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

/** What the daemon says of a failed call: its ErrorInfo, with field, value, allowed and remedy as they apply. */
function errorInfo(error) {
  const [packed] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (!packed) return {};
  const { details } = definition["google.rpc.Status"].deserialize(packed);
  const info = details.find((detail) => detail.type_url.endsWith("google.rpc.ErrorInfo"));
  return info ? definition["google.rpc.ErrorInfo"].deserialize(info.value) : {};
}

/** The header of a WAV file of 32-bit floats. */
function wavHeader({ frames, channels, sample_rate: rate }) {
  const bytes = frames * channels * 4;
  const header = Buffer.alloc(44);
  header.write("RIFF", 0);
  header.writeUInt32LE(36 + bytes, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(3, 20); // floats
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * channels * 4, 28);
  header.writeUInt16LE(channels * 4, 32);
  header.writeUInt16LE(32, 34);
  header.write("data", 36);
  header.writeUInt32LE(bytes, 40);
  return header;
}

/** Write the audio of a stream of events into `out`, further outputs beside it, and print what happens. */
async function follow(stream, out) {
  const files = new Map(); // output → its file, and the bytes of a frame
  let jobId = "";
  const place = (output) => (output === 1 ? out : out.replace(/(\.wav)?$/i, `-${output}.wav`));
  for await (const event of stream) {
    if (!jobId) console.log(`job ${(jobId = event.job_id)}`);
    if (event.event === "audio_header") {
      const { output, channels } = event.audio_header;
      const file = fs.openSync(place(output), fs.existsSync(place(output)) ? "r+" : "w");
      const header = wavHeader(event.audio_header);
      fs.writeSync(file, header, 0, header.length, 0);
      files.set(output, { file, frameBytes: channels * 4 });
    } else if (event.event === "audio_chunk") {
      const { output, offset_frames: at, data } = event.audio_chunk;
      const { file, frameBytes } = files.get(output);
      fs.writeSync(file, data, 0, data.length, 44 + at * frameBytes);
    } else if (event.event === "progress") {
      console.log(`${Math.round(100 * event.progress.fraction)}% ${event.progress.stage}`);
    } else if (event.event === "take_finished") {
      const { take, seed, metadata } = event.take_finished;
      console.log(`take ${take}: seed ${seed}, ${metadata.bpm} bpm, ${metadata.keyscale}`);
    } else if (event.event === "completed") {
      console.log(`completed by ${event.completed.engine} in ${event.completed.run_s.toFixed(1)} s`);
    }
    console.log(`sequence ${event.sequence}`);
  }
  for (const { file } of files.values()) fs.closeSync(file);
}

const { positionals: [command, address, ...rest], values: options } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "8" }, seed: { type: "string" }, engine: { type: "string", default: "auto" },
  },
});

const commands = {
  async make(services, caption, out) {
    const request = {
      submission: { engine: options.engine },
      music: { caption },
      duration_s: Number(options.seconds),
      output: { encoding: "ENCODING_FLOAT32", seeds: options.seed === undefined ? [] : [Number(options.seed)] },
    };
    await follow(services.tasks.TextToMusic(request), out);
  },
  async resume(services, job_id, sequence, out) {
    await follow(services.jobs.WatchJob({ job_id, after_sequence: Number(sequence) }), out);
  },
  async cancel(services, job_id) {
    console.log((await call(services.jobs, "CancelJob", { job_id })).state);
  },
  async jobs(services) {
    let page_token = "";
    do {
      const page = await call(services.jobs, "ListJobs", { page_size: 100, page_token });
      for (const job of page.jobs) console.log(`${job.id} ${job.task} ${job.state} ${job.error?.message ?? ""}`.trimEnd());
      page_token = page.next_page_token;
    } while (page_token);
  },
};

if (!(command in commands) || !address) {
  console.error("usage: node client.mjs make|resume|cancel|jobs HOST:PORT …, see the top of this file");
  process.exit(2);
}
if (!/^(localhost|127(\.\d+){3}|\[::1\]):\d+$/.test(address)) {
  console.error("this example speaks no TLS, and without it no token may leave this machine: give an address such as 127.0.0.1:50710");
  process.exit(2);
}
const services = connect(address);
try {
  await commands[command](services, ...rest);
} catch (error) {
  const { reason, metadata } = errorInfo(error);
  console.error(`${grpc.status[error.code] ?? "ERROR"}: ${error.details ?? error.message}`);
  if (reason) console.error(`${reason} ${JSON.stringify(Object.fromEntries(Object.entries(metadata).sort()))}`);
  process.exitCode = 1;
} finally {
  for (const service of Object.values(services)) service.close();
}
