#include "ostree/import/file_store.hh"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "ostree/import/range_reader.hh"
#include "ostree/objects/xattr_policy.hh"

namespace osb::ostree {
namespace {

FileMeta file_meta_of(const ObjectMeta& meta) {
    return {.uid = meta.uid, .gid = meta.gid, .mode = meta.mode, .xattrs = meta.xattrs};
}

void check_digest(const Sha256& expected, const Sha256& actual) {
    if (actual == expected) return;
    throw Error(ErrorKind::digest_mismatch,
                concat("the content has the digest sha256:", to_hex(actual),
                       ", and the table of contents declares sha256:", to_hex(expected)));
}

std::vector<Sha256> stream_content(ObjectWriter& writer, TaskPool& pool, Source& content, std::uint64_t size,
                                   const Sha256& digest, const std::vector<ObjectMeta>& metas) {
    std::vector<std::unique_ptr<FileStream>> streams;
    streams.reserve(metas.size());
    for (const ObjectMeta& meta : metas)
        streams.push_back(std::make_unique<FileStream>(writer, pool, file_meta_of(meta), size));
    Hasher hasher;
    for (std::uint64_t left = size; left > 0;) {
        check_interrupt();
        const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(left, FileStream::kPiece));
        auto piece = std::make_unique_for_overwrite<std::uint8_t[]>(length);
        read_exactly(content, {piece.get(), length});
        hasher.update(ByteView(piece.get(), length));
        for (std::size_t i = 1; i < streams.size(); ++i) {
            auto copy = std::make_unique_for_overwrite<std::uint8_t[]>(length);
            std::copy_n(piece.get(), length, copy.get());
            streams[i]->write(std::move(copy), length);
        }
        streams.front()->write(std::move(piece), length);
        left -= length;
    }
    expect_end(content);
    check_digest(digest, hasher.finish_sha256());
    std::vector<Sha256> out;
    out.reserve(streams.size());
    for (const auto& stream : streams) out.push_back(stream->finish());
    return out;
}

}  // namespace

ObjectMeta object_meta(const oci::TarEntry& entry, RepoMode mode) {
    std::vector<std::string> dropped;
    const XattrBytes xattrs = serialize_xattrs(select_xattrs(entry, dropped));
    const FileMeta meta =
        canonical(mode, {.uid = entry.uid, .gid = entry.gid, .mode = S_IFREG | entry.mode, .xattrs = xattrs});
    return {.uid = meta.uid, .gid = meta.gid, .mode = meta.mode, .xattrs = XattrBytes(meta.xattrs)};
}

std::vector<Sha256> store_content(ObjectWriter& writer, TaskPool& pool, Source& content, std::uint64_t size,
                                  const Sha256& digest, const std::vector<ObjectMeta>& metas) {
    if (metas.empty()) return {};
    if (size > FileStream::kPiece) return stream_content(writer, pool, content, size, digest, metas);
    const std::string bytes = read_small(content, size);
    check_digest(digest, sha256(as_bytes(bytes)));
    std::vector<Sha256> out;
    out.reserve(metas.size());
    for (const ObjectMeta& meta : metas)
        out.push_back(writer.write_file(file_meta_of(meta), {}, as_bytes(bytes)));
    return out;
}

}  // namespace osb::ostree
