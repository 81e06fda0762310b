#include "ostree/diff/object_comparison.hh"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <memory>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/task_pool.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {
namespace {

constexpr std::uint32_t kPermissions = 07777;

// True if `content` has the content of the object `other`, of which `meta` is the metadata. Their sizes are
// equal.
bool is_content_of(const Repository& repository, const Sha256& content, const ContentObject& meta,
                   const Sha256& other) {
    const ContentObject object = open_object(repository, content);
    Hasher hasher;
    hasher.update(
        file_header({.uid = meta.uid, .gid = meta.gid, .mode = meta.mode, .xattrs = meta.xattrs}, {}));
    constexpr std::size_t kBuffer = 65536;
    // Not on the stack, which is small in threads of musl.
    const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBuffer);
    while (const std::size_t got = object.content->read({buffer.get(), kBuffer})) {
        check_interrupt();
        hasher.update(ByteView(buffer.get(), got));
    }
    return hasher.finish_sha256() == other;
}

class PairComparison {
  public:
    PairComparison(const Repository& a, const Repository& b) : a_(a), b_(b) {}

    // Compares one pair, and adds to the counts.
    void compare(const ObjectPair& pair, DiffEntry& entry, DiffCounts& counts) const {
        const std::optional<ContentObject> before = header(a_, pair.a);
        const std::optional<ContentObject> after = header(b_, pair.b);
        if (before && after) entry.what = aspects(pair, *before, *after);
        const bool counts_bytes =
            entry.change != EntryChange::changed || entry.what.content || entry.what.type;
        if (before && counts_bytes) counts.bytes_removed += before->size;
        if (after && counts_bytes) counts.bytes_added += after->size;
        std::uint64_t& number = entry.change == EntryChange::added     ? counts.added
                                : entry.change == EntryChange::removed ? counts.removed
                                                                       : counts.changed;
        ++number;
    }

  private:
    static std::optional<ContentObject> header(const Repository& repository,
                                               const std::optional<Sha256>& checksum) {
        if (!checksum) return std::nullopt;
        return read_object_header(repository, *checksum);
    }

    EntryAspects aspects(const ObjectPair& pair, const ContentObject& before,
                         const ContentObject& after) const {
        EntryAspects out;
        if ((before.mode & S_IFMT) != (after.mode & S_IFMT)) {
            out.type = true;
            return out;
        }
        out.mode = (before.mode & kPermissions) != (after.mode & kPermissions);
        out.owner = before.uid != after.uid || before.gid != after.gid;
        out.xattrs = before.xattrs != after.xattrs;
        if (S_ISLNK(before.mode)) {
            out.target = before.target != after.target;
        } else if (before.size != after.size || !out.any()) {
            out.content = true;  // with equal metadata, only the content can make the checksums differ
        } else if (before.size > 0) {
            out.content = !is_content_of(a_, *pair.a, after, *pair.b);
        }
        return out;
    }

    const Repository& a_;
    const Repository& b_;
};

void add(DiffCounts& sum, const DiffCounts& more) {
    sum.added += more.added;
    sum.removed += more.removed;
    sum.changed += more.changed;
    sum.bytes_added += more.bytes_added;
    sum.bytes_removed += more.bytes_removed;
}

}  // namespace

void compare_objects(const Repository& a, const Repository& b, const std::vector<ObjectPair>& pairs,
                     unsigned threads, CommitDiff& out) {
    constexpr std::size_t kAtOnce = 64;  // pairs that a thread takes
    const PairComparison comparison(a, b);
    std::atomic<std::size_t> next{0};
    std::atomic<bool> has_failed{false};
    TaskPool pool(pairs.size() <= kAtOnce ? 1 : threads);
    std::vector<DiffCounts> counts(pool.threads());
    for (DiffCounts& sum : counts) {
        pool.add_producer([&] {
            DiffCounts local;
            while (!has_failed) {
                const std::size_t begin = next.fetch_add(kAtOnce);
                if (begin >= pairs.size()) break;
                const std::size_t end = std::min(begin + kAtOnce, pairs.size());
                try {
                    for (std::size_t i = begin; i < end; ++i) {
                        check_interrupt();
                        DiffEntry& entry = out.entries[pairs[i].entry];
                        with_context([&] { return quoted(entry.path); },
                                     [&] { comparison.compare(pairs[i], entry, local); });
                    }
                } catch (...) {
                    has_failed = true;
                    throw;
                }
            }
            sum = local;
        });
    }
    pool.run();
    for (const DiffCounts& sum : counts) add(out.files, sum);
}

}  // namespace osb::ostree
