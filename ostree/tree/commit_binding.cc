#include "ostree/tree/commit_binding.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit.hh"

namespace osb::ostree {
namespace {

bool contains(GVariant* list, const std::string& text) {
    for (gsize i = 0; i < g_variant_n_children(list); ++i) {
        const GVariantPtr element = take(g_variant_get_child_value(list, i));
        if (text == g_variant_get_string(element.get(), nullptr)) return true;
    }
    return false;
}

}  // namespace

std::string collection_of(const Repository& repository) {
    const char* const id = ostree_repo_get_collection_id(repository.handle().repo.get());
    return id == nullptr ? std::string{} : std::string(id);
}

bool is_bound_elsewhere(GVariant* commit_object, const RefName& ref, const std::string& collection) {
    const GVariantPtr metadata = metadata_of(commit_object);
    const GVariantPtr refs(
        g_variant_lookup_value(metadata.get(), "ostree.ref-binding", G_VARIANT_TYPE_STRING_ARRAY));
    if (refs ? !contains(refs.get(), ref.text()) : !collection.empty()) return true;
    return !collection.empty() && lookup_string(metadata.get(), "ostree.collection-binding") != collection;
}

bool is_refused_in_collection(const Repository& repository, GVariant* commit_object, const RefName& ref) {
    const std::string collection = collection_of(repository);
    return !collection.empty() && is_bound_elsewhere(commit_object, ref, collection);
}

void warn_of_binding(const Repository& repository, GVariant* commit_object, const RefName& ref) {
    const std::string collection = collection_of(repository);
    if (!is_bound_elsewhere(commit_object, ref, collection)) return;
    const std::string where = collection.empty() ? "" : concat(" in the collection ", quoted(collection));
    log_warning(concat("the commit is not bound to the ref ", quoted(ref.text()), where,
                       ": ostree clients refuse to pull it by this name"));
}

void warn_in_collection(const Repository& repository, GVariant* commit_object, const RefName& ref) {
    if (is_refused_in_collection(repository, commit_object, ref))
        warn_of_binding(repository, commit_object, ref);
}

}  // namespace osb::ostree
