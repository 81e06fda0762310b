#include "ostree/objects/commit_id.hh"

#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {

std::optional<CommitId> CommitId::try_parse(std::string_view text) noexcept {
    if (text.size() != kSize || text.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        return std::nullopt;
    CommitId out;
    std::copy(text.begin(), text.end(), out.text_.begin());
    return out;
}

CommitId CommitId::parse(std::string_view text) {
    if (const auto out = try_parse(text)) return *out;
    throw Error(ErrorKind::invalid, concat("not a commit checksum: ", quoted(text)));
}

CommitId::CommitId(const Sha256& checksum) : CommitId(parse(to_hex(checksum))) {}

Sha256 CommitId::checksum() const {
    return parse_sha256(text());
}

}  // namespace osb::ostree
