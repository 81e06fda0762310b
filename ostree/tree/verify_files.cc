#include "ostree/tree/verify_files.hh"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "base/stream.hh"
#include "base/task_pool.hh"
#include "ostree/objects/object_reader.hh"

namespace osb::ostree {
namespace {

void verify_file(const Repository& repository, const WalkedFile& file, MutableBytes buffer) {
    try {
        // A link or an empty file is verified when it is opened.
        const ContentObject object = open_object(repository, file.checksum);
        if (!object.content) return;
        while (object.content->read(buffer) > 0) check_interrupt();
    } catch (Error& error) {
        error.add_context(quoted('/' + file.paths.front()));
        if (error.kind() == ErrorKind::digest_mismatch)
            error.hint("'ostree fsck --delete' removes damaged objects, and the next upgrade fetches them");
        throw;
    }
}

}  // namespace

void verify_files(const Repository& repository, const CommitWalk& walk, unsigned jobs) {
    constexpr std::size_t kBuffer = 128UL * 1024;
    std::atomic<std::size_t> next{0};
    TaskPool pool(jobs);
    for (unsigned i = 0; i < pool.threads(); ++i) {
        pool.add_producer([&] {
            std::vector<std::uint8_t> buffer(kBuffer);
            for (std::size_t at = next++; at < walk.files.size(); at = next++)
                verify_file(repository, walk.files[at], buffer);
        });
    }
    pool.run();
}

}  // namespace osb::ostree
