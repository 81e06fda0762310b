#include "registry/trust/signed_identity.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/reference.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kDefaultTag = "latest";

// A tag or a digest is part of a full reference; a name with neither has the tag latest.
DockerName completed(DockerName name) {
    if (name.tag.empty() && name.digest.empty()) name.tag = kDefaultTag;
    return name;
}

// A signature for a name without either is for no image in particular.
bool is_complete(const DockerName& name) {
    return !name.tag.empty() || !name.digest.empty();
}

bool same_reference(const DockerName& a, const DockerName& b) {
    return a.repository == b.repository && a.tag == b.tag && a.digest == b.digest;
}

// `name` with `prefix` replaced, if it begins with the whole of it: a host, a namespace or a repository.
std::string remapped(const std::string& name, const std::string& prefix, const std::string& replacement) {
    const bool is_whole = name == prefix || name.starts_with(prefix + '/');
    return name.starts_with(prefix) && is_whole ? replacement + name.substr(prefix.size()) : name;
}

bool accepts_exact(const DockerName& image, const DockerName& signed_name) {
    return is_complete(signed_name) && same_reference(completed(image), signed_name);
}

bool accepts_repo_digest_or_exact(const DockerName& image, const DockerName& signed_name) {
    // An image that is named by its digest cannot be another one, so the tag does not matter.
    if (!image.digest.empty()) return image.repository == signed_name.repository;
    return accepts_exact(image, signed_name);
}

}  // namespace

DockerName DockerName::parse(std::string_view text) {
    DockerName out;
    try {
        const std::size_t at = text.find('@');
        const oci::Reference name = oci::Reference::parse(concat("docker://", text.substr(0, at)));
        out = {.repository = name.location, .tag = name.tag, .digest = ""};
        if (at != std::string_view::npos) {
            out.digest = oci::Reference::parse(concat("docker://", name.location, text.substr(at))).digest;
        }
    } catch (const Error& error) {
        throw Error(ErrorKind::invalid, concat("not a name of an image: ", quoted(text)));
    }
    return out;
}

std::string DockerName::to_string() const {
    return concat(repository, tag.empty() ? "" : ":", tag, digest.empty() ? "" : "@", digest);
}

bool SignedIdentity::accepts(std::string_view image, std::string_view signed_name) const {
    if (!needs_name()) return true;
    const DockerName claimed = DockerName::parse(signed_name);
    if (rule == IdentityRule::exact_reference) {
        const DockerName wanted = DockerName::parse(operand);
        return is_complete(claimed) && same_reference(wanted, claimed);
    }
    if (rule == IdentityRule::exact_repository)
        return DockerName::parse(operand).repository == claimed.repository;
    if (image.empty()) return false;
    DockerName own = DockerName::parse(image);
    switch (rule) {
        case IdentityRule::match_exact:
            return accepts_exact(own, claimed);
        case IdentityRule::match_repository:
            return own.repository == claimed.repository;
        case IdentityRule::remap_identity:
            own.repository = remapped(own.repository, operand, signed_prefix);
            [[fallthrough]];
        default:
            return accepts_repo_digest_or_exact(own, claimed);
    }
}

}  // namespace osb::registry
