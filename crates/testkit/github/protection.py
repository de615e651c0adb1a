"""The older kind of protection of a GitHub's target.

Functions over a Hub (see hub.py). Its rule `protected` says what that demands, if there is any:

    reviews     approving reviews of a pull request, which there has to be
    passing     logins that need none
    only        the logins that may push
    signatures  signed commits
    linear      no merge commits
    admins      all of it of administrators as well

and its rule `admin` whether the token's user is one, who alone may see it.
"""

EXAMPLE = "GET /repos/{owner}/{repo}/branches/{branch}/protection"


def shown(hub, branch):
    """What everybody may see, on the page of the branch."""
    protected = hub.rules["protected"] is not None
    branch["protected"] = branch["protection"]["enabled"] = protected
    return branch


def whole(hub):
    """GET …/protection"""
    demands = hub.rules["protected"]
    if not hub.rules["admin"]:
        raise hub.refused(404, "Not Found")
    if demands is None:
        raise hub.refused(404, "Branch not protected")
    example = hub.contract.named(EXAMPLE).example(200)
    user = example["restrictions"]["users"][0]

    def actors(logins):
        return {"users": [{**user, "login": login} for login in logins], "teams": [], "apps": []}

    made = {"url": example["url"], "enforce_admins": {**example["enforce_admins"], "enabled": demands.get("admins", False)}}
    for key, name in (("signatures", "required_signatures"), ("linear", "required_linear_history")):
        made[name] = {"url": f"{example['url']}/{name}", "enabled": demands.get(key, False)}
    if "reviews" in demands:
        reviews = {**example["required_pull_request_reviews"], "required_approving_review_count": demands["reviews"]}
        # There the example is not as the description has it.
        reviews.pop("dismissal_restrictions")
        made["required_pull_request_reviews"] = {**reviews, "bypass_pull_request_allowances": actors(demands.get("passing", []))}
    if "only" in demands:
        made["restrictions"] = {**example["restrictions"], **actors(demands["only"])}
    return made
