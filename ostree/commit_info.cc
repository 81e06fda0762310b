#include "ostree/commit_info.hh"

#include "base/error.hh"
#include "ostree/commit.hh"
#include "ostree/glib.hh"

namespace osb::ostree {

CommitInfo read_commit_info(const Repository& repository, const std::string& checksum) {
    const GVariantPtr commit = load_commit(repository, checksum);
    if (!commit) {
        throw Error(ErrorKind::not_found,
                    concat("the repository holds the commit ", checksum, " only in part"));
    }
    const GVariantPtr metadata = metadata_of(commit.get());
    return {.version = lookup_string(metadata.get(), "version"),
            .manifest_digest = lookup_string(metadata.get(), "ostree.manifest-digest"),
            .time = ostree_commit_get_timestamp(commit.get())};
}

}  // namespace osb::ostree
