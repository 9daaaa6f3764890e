#!/bin/sh
# Adds one component with curl, and removes another: push.sh http://localhost:7007/api/catalog new-one old-one
set -eu
curl --silent --show-error --fail-with-body \
  -H "authorization: Bearer $FOLDERS_TOKEN" -H 'content-type: application/json' \
  "$1/providers/folders/delta?wait=30s" -d @- <<END
{
  "added": [{
    "apiVersion": "backstage.io/v1alpha1",
    "kind": "Component",
    "metadata": { "name": "$2" },
    "spec": { "type": "service", "lifecycle": "production", "owner": "makers" }
  }],
  "removed": ["component:default/$3"]
}
END
