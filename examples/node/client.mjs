// A client of AceBridge in Node: makes a song, writes the audio while it arrives, cancels a job, resumes one.
//
//   npm install
//   acebridge serve &
//   node client.mjs generate "warm pop, piano" 8 song.wav [SEED] [ENGINE]
//   node client.mjs jobs
//   node client.mjs watch JOB song.wav AFTER      Ctrl-C during generate prints this command
//   node client.mjs cancel JOB
//
// The daemon's address and token come from its data folder: ACEBRIDGE_HOME, or what `acebridge status` prints as "data".
import { closeSync, existsSync, openSync, readFileSync, writeSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

const PROTOS = join(dirname(fileURLToPath(import.meta.url)), "../../protos");
const DATA = process.env.ACEBRIDGE_HOME ?? join(homedir(), ".local/share/acebridge");

// keepCase: names as in the .proto files. longs: frames and sizes stay far below 2^53, so numbers hold them exactly.
const definition = protoLoader.loadSync(
  ["acebridge/v1/tasks.proto", "acebridge/v1/jobs.proto", "google/rpc/status.proto", "google/rpc/error_details.proto"],
  { includeDirs: [PROTOS], keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true },
);
const { acebridge } = grpc.loadPackageDefinition(definition);

const daemon = JSON.parse(readFileSync(join(DATA, "daemon.json"), "utf8"));
const metadata = new grpc.Metadata();
metadata.set("authorization", `Bearer ${readFileSync(join(DATA, "token"), "utf8").trim()}`);
const tasks = new acebridge.v1.TaskService(daemon.address, grpc.credentials.createInsecure());
const jobs = new acebridge.v1.JobService(daemon.address, grpc.credentials.createInsecure());

/** Makes a unary call; resolves to its answer. */
const call = (service, method, request) =>
  new Promise((resolve, reject) =>
    service[method](request, metadata, (error, answer) => (error ? reject(error) : resolve(answer))),
  );

/** A WAV file of known length, written at any position: chunks may come again after a resume. */
class WavFile {
  constructor(path, header) {
    const bits = { ENCODING_FLOAT32: 32, ENCODING_PCM24: 24, ENCODING_PCM16: 16 }[header.encoding];
    this.frameBytes = (bits / 8) * header.channels;
    const bytes = header.frames * this.frameBytes;
    const head = Buffer.alloc(44);
    head.write("RIFF", 0);
    head.writeUInt32LE(36 + bytes, 4);
    head.write("WAVEfmt ", 8);
    head.writeUInt32LE(16, 16);
    head.writeUInt16LE(header.encoding === "ENCODING_FLOAT32" ? 3 : 1, 20);
    head.writeUInt16LE(header.channels, 22);
    head.writeUInt32LE(header.sample_rate, 24);
    head.writeUInt32LE(header.sample_rate * this.frameBytes, 28);
    head.writeUInt16LE(this.frameBytes, 32);
    head.writeUInt16LE(bits, 34);
    head.write("data", 36);
    head.writeUInt32LE(bytes, 40);
    this.file = openSync(path, existsSync(path) ? "r+" : "w");
    writeSync(this.file, head, 0, head.length, 0);
  }

  write(chunk) {
    writeSync(this.file, chunk.data, 0, chunk.data.length, 44 + chunk.offset_frames * this.frameBytes);
  }

  close() {
    closeSync(this.file);
  }
}

/** Follows a stream of events to its end and writes the first output; prints what happens. */
function follow(stream, path) {
  const files = new Map();
  let last = { job_id: "", sequence: 0 };
  process.once("SIGINT", () => {
    console.log(`The job continues. Resume: node client.mjs watch ${last.job_id} ${path} ${last.sequence}`);
    process.exit(130);
  });
  return new Promise((resolve, reject) => {
    stream.on("data", (event) => {
      last = event;
      if (event.queued) console.log(`job ${event.job_id}, ${event.queued.position} before it`);
      if (event.progress) console.log(`${Math.round(100 * event.progress.fraction)} % ${event.progress.stage}`);
      if (event.audio_header?.output === 1) files.set(1, new WavFile(path, event.audio_header));
      if (event.audio_chunk) files.get(event.audio_chunk.output)?.write(event.audio_chunk);
      if (event.completed) console.log(`${path}: take 1, seed ${event.completed.takes[0].seed}`);
    });
    stream.on("error", reject);
    stream.on("end", resolve);
  }).finally(() => files.forEach((file) => file.close()));
}

const COMMANDS = {
  generate: (caption, seconds, path, seed = "", engine = "auto") => {
    const output = { seeds: seed ? [Number(seed)] : [] };
    const request = { music: { caption }, duration_s: Number(seconds), output, submission: { engine } };
    return follow(tasks.TextToMusic(request, metadata), path);
  },
  watch: (job_id, path, after = "0") => follow(jobs.WatchJob({ job_id, after_sequence: Number(after) }, metadata), path),
  cancel: async (job_id) => console.log((await call(jobs, "CancelJob", { job_id })).state),
  jobs: async () => {
    for (let page_token = ""; ; ) {
      const page = await call(jobs, "ListJobs", { page_token });
      for (const job of page.jobs) console.log(job.id, job.task, job.state, job.error?.message ?? "");
      page_token = page.next_page_token;
      if (!page_token) return;
    }
  },
};

const [name, ...values] = process.argv.slice(2);
if (!(name in COMMANDS) || values.length < COMMANDS[name].length) {
  console.error(`usage: node client.mjs ${Object.keys(COMMANDS).join("|")} …; the first lines of this file show each`);
  process.exit(2);
}
try {
  await COMMANDS[name](...values);
} catch (error) {
  console.error(`${grpc.status[error.code] ?? "error"}: ${error.details ?? error.message}`);
  process.exitCode = 1;
} finally {
  tasks.close();
  jobs.close();
}
