# SPDX-License-Identifier: GPL-3.0-or-later
"""What all collections of /v3 have in common: methods, actions, visibility, filters, sorting and paging."""
from .. import recorded
from ..messages import Answer, Problem


class Resource:
    """One collection of /v3 and its objects. Subclasses set the attributes and override what differs.

    A stored object is what Store.data contains; show() returns the object of the API for it.
    """

    path = ""  # of the collection below /v3, in lower case
    type = ""  # the API's name of the resource type
    collection = ""  # key in Store.data
    recorded_list = None  # (topic, case) of a recording whose filters, actions and createTypes lists have

    def __init__(self, store):
        self.store = store
        self.actions = {}  # {name in lower case: function(request, stored object or None, body as dict) -> Answer}

    def answer(self, request, identifier):
        """The Answer to a request for the collection (identifier None) or for one of its objects. Raises Problem."""
        action = request.query.get("action")
        allowed = ("GET", "POST", "PUT", "DELETE") if identifier else ("GET", "POST")
        if request.method not in allowed or (identifier and request.method == "POST" and not action):
            raise not_supported(request)
        if request.method == "POST" and action:
            return self.run_action(request, identifier, action)
        if identifier is None:
            if request.method == "POST":
                return Answer(201, self.create(request, request.json()))
            return Answer(200, self.list(request))
        stored = self.find(request, identifier)
        if request.method == "GET":
            return Answer(200, self.show(stored, request))
        if request.method == "PUT":
            return Answer(200, self.update(request, stored, request.json()))
        return self.delete(request, stored)

    def run_action(self, request, identifier, name):
        stored = self.find(request, identifier) if identifier else None
        function = self.actions.get(name.lower())
        if function is None:
            raise Problem(422, "InvalidAction", "Invalid action: " + name)
        return function(request, stored, request.json() if request.body.strip() else {})

    def find(self, request, identifier):
        """The stored object; raises a 404 Problem if there is none that the user may see."""
        with self.store.lock:
            stored = self.store.data[self.collection].get(identifier)
        if stored is None or not self.is_visible(request, stored):
            raise Problem(404, "NotFound", '%s.management.cattle.io "%s" not found' % (self.path, identifier))
        return stored

    def is_visible(self, request, stored):
        """Whether the user of the request may see a stored object: administrators see all, others what they created."""
        return request.user["administrator"] or stored.get("creatorId") == request.user["id"]

    # ---- what subclasses override

    def show(self, stored, request):
        return stored

    def create(self, request, body):
        raise not_supported(request)

    def update(self, request, stored, body):
        raise not_supported(request)

    def delete(self, request, stored):
        with self.store.change() as data:
            del data[self.collection][stored["id"]]
        return Answer(204)

    # ---- lists

    def list(self, request):
        """The collection as the API lists it."""
        template = self.list_template(request)
        filters = dict.fromkeys(template["filters"])
        filters.update((name, [{"modifier": "eq", "value": value}]) for name, value in request.query.items()
                       if name in template["filters"])
        objects = self.visible_objects(request)
        objects = self.filtered(objects, {name: value for name, value in request.query.items() if name in filters})
        objects.sort(key=lambda item: item.get("name") or item["id"], reverse=request.query.get("order") == "desc")
        pagination, page = self.page(request, objects)
        answer = recorded.replace({
            "type": "collection", "links": {"self": "https://RANCHER/v3/" + self.path},
            "createTypes": template["createTypes"], "actions": template["actions"]}, "https://RANCHER", request.base)
        return dict(answer, pagination=pagination, filters=filters, resourceType=self.type, data=page)

    def list_template(self, request):
        """The filters, actions and createTypes of a list."""
        if self.recorded_list is None:
            return {"filters": {}, "actions": {}, "createTypes": {}}
        return recorded.body(*self.recorded_list)

    def visible_objects(self, request):
        with self.store.lock:
            return [self.show(item, request) for item in self.store.data[self.collection].values()
                    if self.is_visible(request, item)]

    def filtered(self, objects, values):
        """The objects whose fields have these values ({field: str}), compared without regard to case."""
        return [item for item in objects
                if all(str(item.get(name)).lower() == value.lower() for name, value in values.items())]

    def page(self, request, objects):
        """(pagination, the page's objects): at most `limit`, beginning with the object whose id is `marker`.

        As Norman, Rancher's API framework, does it, with links to the other pages.
        """
        limit = page_limit(request)
        pagination = {"limit": limit, "total": len(objects)}
        if len(objects) <= limit:
            return pagination, objects
        marker = request.query.get("marker")
        start = next((index for index, item in enumerate(objects) if item["id"] == marker), 0)
        kept = "".join("&%s=%s" % (name, request.query[name]) for name in ("order", "sort") if name in request.query)

        def link(index):
            return "%s/v3/%s?limit=%d&marker=%s%s" % (request.base, self.path, limit, objects[index]["id"], kept)
        pagination.update(first=link(0), partial=True)
        if marker:
            pagination["marker"] = marker
        if limit:
            if start:
                pagination["previous"] = link(max(0, start - limit))
            if start + limit < len(objects):
                pagination["next"] = link(start + limit)
            pagination["last"] = link((len(objects) - 1) // limit * limit)
        return pagination, objects[start:start + limit]


def page_limit(request):
    """The number of objects on a page: `limit` of the query, at most 10000, by default 1000."""
    try:
        limit = int(request.query.get("limit", "1000"))
    except ValueError:
        return 1000
    return limit if 0 <= limit <= 10000 else 10000


def not_supported(request):
    return Problem(405, "MethodNotAllow", "Method %s not supported" % request.method)


def object_links(base):
    """The links of an object whose URL is `base`."""
    return {name: base for name in ("remove", "self", "update")}
