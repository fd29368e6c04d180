// Renders a chart that lies in a folder, as `helm template` would, without a cluster.
//
//	charts FOLDER RELEASE NAMESPACE < values.json > objects.json
//
// The answer is a list of objects: custom resource definitions first, then the rendered templates
// in the order in which Helm installs kinds.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/releaseutil"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: charts FOLDER RELEASE NAMESPACE < values.json")
		os.Exit(2)
	}
	if err := render(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func render(folder, release, namespace string) error {
	given, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	values, err := chartutil.ReadValues(given)
	if err != nil {
		return err
	}
	chart, err := loader.Load(folder)
	if err != nil {
		return err
	}
	if err := chartutil.ProcessDependencies(chart, values); err != nil {
		return err
	}
	options := chartutil.ReleaseOptions{
		Name: release, Namespace: namespace, Revision: 1, IsInstall: true,
	}
	all, err := chartutil.ToRenderValues(chart, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return err
	}
	files, err := engine.Render(chart, all)
	if err != nil {
		return err
	}
	objects := []map[string]any{}
	crds := chart.CRDObjects()
	sort.Slice(crds, func(i, j int) bool { return crds[i].Filename < crds[j].Filename })
	for _, crd := range crds {
		if err := add(&objects, string(crd.File.Data)); err != nil {
			return err
		}
	}
	_, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return err
	}
	for _, manifest := range manifests {
		if err := add(&objects, manifest.Content); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(objects)
}

func add(objects *[]map[string]any, text string) error {
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &object); err != nil {
		return err
	}
	if len(object) > 0 {
		*objects = append(*objects, object)
	}
	return nil
}
