/// <reference types="node" preserve="true" />
/**
 * The public API: what a job module imports. A job is one typed value, `export default defineJob({...})`.
 *
 * @example
 * import { defineJob, textLines, tsv } from 'serverless-mapreduce';
 *
 * export default defineJob({
 *   name: 'word-count',
 *   description: 'How often each word occurs',
 *   input: textLines(),
 *   key: 'string',
 *   value: 'number',
 *   map(line, { emit }) {
 *     for (const word of line.toLowerCase().match(/\p{L}+/gu) ?? []) emit(word, 1);
 *   },
 *   reduce: 'sum',
 *   output: tsv(),
 * });
 */
export {
  type ByRangeOptions,
  byRange,
  type Compare,
  distinct,
  first,
  last,
  sumOf,
  topN,
} from './api/aggregate.ts';
export { defineJob } from './api/define-job.ts';
export type {
  BadRecordPolicy,
  Combiner,
  EmitTo,
  Job,
  MapContext,
  MapContextOf,
  MapOnlyContext,
  MapOnlyJobDefinition,
  NamedCombiner,
  NamedOutputs,
  NamedReducer,
  Outputs,
  PairwiseCombiner,
  ParameterSpec,
  ParameterSpecs,
  ParametersOf,
  PartitionFunction,
  RangePartitioner,
  RecordPosition,
  RecordsByName,
  ReduceContext,
  ReduceFunction,
  ShuffleJobDefinition,
  ShuffleMapContext,
  TaskContext,
} from './api/job.ts';
export { type ErrorDetails, type ErrorName, MapReduceError } from './base/errors.ts';
export type { BytesRange } from './codec/bytes-range.ts';
export type {
  ByteSink,
  Codec,
  EmittedOf,
  JsonType,
  KeyCodec,
  KeyType,
  TypeOf,
  ValueType,
} from './codec/codec.ts';
export { json } from './codec/json-value.ts';
export { parseJson } from './codec/parse-json.ts';
export type { RecordSlice } from './codec/record-slice.ts';
export { fixedLength } from './formats/binary/fixed-length.ts';
export { type GenerateOptions, generate } from './formats/binary/generate.ts';
export { type WholeTextOptions, wholeFiles } from './formats/binary/whole-files.ts';
export { type ByteRangesOptions, byteRanges, type RecordParser } from './formats/byte-ranges.ts';
export { type CompressionOptions, gzip, zstd } from './formats/compressed-sinks.ts';
export {
  type CsvRecord,
  type CsvTypeOf,
  type CsvWrittenRow,
  csv,
} from './formats/csv/csv.ts';
export type { CsvColumns, CsvEncoding, CsvHeader, CsvOptions, CsvType } from './formats/csv/csv-options.ts';
export type { CsvCell, CsvRow } from './formats/csv/csv-sink.ts';
export type { TsvCell, TsvColumns } from './formats/csv/tsv-sink.ts';
export type { TsvType } from './formats/csv/tsv-source.ts';
export { type FolderColumns, inFiles, inFolders } from './formats/file-sinks.ts';
export { type JsonDocumentsOptions, jsonDocuments } from './formats/json/json-documents.ts';
export { type FieldOf, type JsonLinesOptions, type JsonRow, jsonLines } from './formats/json/json-lines.ts';
export { type JsonLike, jsonPairs } from './formats/json/json-sinks.ts';
export { type LineText, lines } from './formats/lines.ts';
export {
  type EncodedRecordWriter,
  type FileCompression,
  type FileWriter,
  type RecordWiseOptions,
  recordWise,
  type Sink,
} from './formats/sink.ts';
export type {
  BadRecord,
  Cuts,
  FileToCut,
  OpenPiece,
  Piece,
  PlainJson,
  RecordBatch,
  RecordReader,
  Source,
} from './formats/source.ts';
export type { SchemaIssue, StandardSchema } from './formats/standard-schema.ts';
export { type BytesLine, bytesLines } from './formats/text/bytes-lines.ts';
export type { BytesSlice } from './formats/text/bytes-slice.ts';
export type { EncodingLabel, TextOptions } from './formats/text/encodings.ts';
export { type TextLinesOptions, textLines } from './formats/text/text-lines.ts';
export { wordsOf } from './formats/text/words-of.ts';
export { tsv } from './formats/tsv.ts';
export { records } from './records/records.ts';
